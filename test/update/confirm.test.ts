import { expect, test } from "bun:test";
import { type Health, judge } from "../../src/update/confirm.ts";
import type { Pending } from "../../src/update/update-record.ts";

const START = Date.parse("2026-11-01T00:00:00Z");
const MINUTE_MS = 60_000;
const at = (minutes: number): number => START + minutes * MINUTE_MS;
const time = (minutes: number): string => new Date(at(minutes)).toISOString();

function pending(changes: Partial<Pending> = {}): Pending {
  return {
    version: "1.1.0",
    previous: "1.0.0",
    since: time(0),
    wellBy: time(10),
    weightsBy: time(200),
    usualPerMinute: 6,
    run: null,
    restarts: 0,
    isWell: false,
    ...changes,
  };
}

function health(changes: Partial<Health> = {}): Health {
  return {
    version: "1.1.0",
    run: "run-1",
    phase: "running",
    startedAt: time(0),
    healthy: true,
    reasons: [],
    chain: { headAgeS: 6 },
    steps: { counted: 5, perMinute: 6 },
    weights: { isEnabled: true, included: 0, epochBlocks: 360 },
    restart: { isSafe: true, why: null },
    ...changes,
  };
}

test("a release is confirmed when it steps at fresh blocks and its weights are on chain", () => {
  const first = judge(pending(), health(), at(2));
  expect(first).toMatchObject({ kind: "waiting", pending: { isWell: true, run: "run-1" } });
  if (first.kind !== "waiting") throw new Error("unreachable");
  const weights = { isEnabled: true, included: 1, epochBlocks: 360 };
  expect(judge(first.pending, health({ weights }), at(60))).toEqual({ kind: "confirmed" });
});

test("where weights are not set, good steps are enough", () => {
  expect(judge(pending({ weightsBy: null }), health(), at(2))).toEqual({ kind: "confirmed" });
});

const UNWELL: Record<string, Health | undefined> = {
  "nobody answers": undefined,
  "another version answers": health({ version: "1.0.0" }),
  "it never gets ready": health({ phase: "starting" }),
  "it is ending": health({ phase: "stopping" }),
  "its blocks are old": health({ chain: { headAgeS: 300 } }),
  "it has seen no block": health({ chain: { headAgeS: null } }),
  "it makes no good steps": health({ steps: { counted: 1, perMinute: 6 } }),
  "it is not healthy": health({ healthy: false, reasons: ["the chain is lost"] }),
};
for (const [name, reading] of Object.entries(UNWELL))
  test(`while ${name}, its time runs, and then it has failed`, () => {
    expect(judge(pending(), reading, at(10)).kind).toBe("waiting");
    expect(judge(pending(), reading, at(10) + 1).kind).toBe("failed");
  });

test("no weights in time is a failure", () => {
  const seen = pending({ isWell: true, run: "run-1" });
  expect(judge(seen, health(), at(200)).kind).toBe("waiting");
  expect(judge(seen, health(), at(200) + 1)).toMatchObject({
    kind: "failed",
    why: expect.stringContaining("weights"),
  });
});

test("a third of the usual pace, measured over ten minutes, is a failure", () => {
  const seen = pending({ isWell: true, run: "run-1" });
  const slow = health({ steps: { counted: 20, perMinute: 1.9 } });
  expect(judge(seen, slow, at(9)).kind).toBe("waiting");
  expect(judge(seen, slow, at(11))).toMatchObject({
    kind: "failed",
    why: "it makes 1.90 steps a minute where 6.00 were usual",
  });
  expect(judge(pending({ isWell: true, usualPerMinute: null }), slow, at(11)).kind).toBe("waiting");
});

test("one restart begins its time anew, for a machine may be started anew; the second is a failure", () => {
  const seen = pending({ isWell: true, run: "run-1" });
  const gone = judge(seen, undefined, at(20));
  expect(gone).toMatchObject({ kind: "waiting", pending: { isWell: false, wellBy: time(30) } });
  if (gone.kind !== "waiting") throw new Error("unreachable");
  const again = judge(gone.pending, health({ run: "run-2" }), at(22));
  expect(again).toMatchObject({ kind: "waiting", pending: { restarts: 1, run: "run-2", isWell: true } });
  if (again.kind !== "waiting") throw new Error("unreachable");
  expect(judge(again.pending, health({ run: "run-3" }), at(27))).toMatchObject({
    kind: "failed",
    why: expect.stringContaining("twice"),
  });
});
