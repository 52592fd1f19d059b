import { expect, test } from "bun:test";
import { type Health, judge, type Verdict } from "../../src/update/confirm.ts";
import type { Pending } from "../../src/update/update-record.ts";

const MINUTE_MS = 60_000;

function pending(changes: Partial<Pending> = {}): Pending {
  return {
    version: "1.1.0",
    previous: "1.0.0",
    since: "2026-11-01T00:00:00Z",
    wellWithinMs: 10 * MINUTE_MS,
    wellLeftMs: 10 * MINUTE_MS,
    weightsLeftMs: 200 * MINUTE_MS,
    trialLeftMs: 0,
    usualPerMinute: 6,
    slowMs: 0,
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
    healthy: true,
    reasons: [],
    chain: { headAgeS: 6 },
    steps: { counted: 5, perMinute: 6 },
    weights: { isEnabled: true, included: 0, epochBlocks: 360 },
    restart: { isSafe: true, why: null },
    ...changes,
  };
}

/** Looks once a minute at a validator that stays as it is, for so many minutes. */
function watched(first: Pending, reading: Health | undefined, minutes: number): Verdict {
  let last = judge(first, reading, 0);
  for (let minute = 0; minute < minutes && last.kind === "waiting"; minute++)
    last = judge(last.pending, reading, MINUTE_MS);
  return last;
}

test("a release is confirmed when it steps at fresh blocks and its weights are on chain", () => {
  const first = watched(pending(), health(), 60);
  expect(first).toMatchObject({ kind: "waiting", pending: { isWell: true, run: "run-1" } });
  if (first.kind !== "waiting") throw new Error("unreachable");
  const weights = { isEnabled: true, included: 1, epochBlocks: 360 };
  expect(judge(first.pending, health({ weights }), MINUTE_MS)).toEqual({ kind: "confirmed" });
});

test("one that is well is watched on, and what dies after five minutes is not confirmed before", () => {
  const weights = { isEnabled: true, included: 1, epochBlocks: 360 };
  const good = health({ weights });
  const early = watched(pending({ trialLeftMs: 10 * MINUTE_MS }), good, 9);
  expect(early).toMatchObject({ kind: "waiting", pending: { trialLeftMs: MINUTE_MS } });
  if (early.kind !== "waiting") throw new Error("unreachable");
  expect(judge(early.pending, good, MINUTE_MS)).toEqual({ kind: "confirmed" });
  // Time in which it does not answer is none in which it was seen well.
  const silent = judge(early.pending, undefined, MINUTE_MS);
  expect(silent).toMatchObject({ kind: "waiting", pending: { trialLeftMs: MINUTE_MS } });
});

test("where weights are not set, good steps are enough", () => {
  expect(judge(pending({ weightsLeftMs: null }), health(), 0)).toEqual({ kind: "confirmed" });
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
    expect(watched(pending(), reading, 10).kind).toBe("waiting");
    expect(watched(pending(), reading, 11).kind).toBe("failed");
  });

test("no weights in time is a failure", () => {
  expect(watched(pending(), health(), 200).kind).toBe("waiting");
  expect(watched(pending(), health(), 201)).toMatchObject({
    kind: "failed",
    why: expect.stringContaining("weights"),
  });
});

test("below a third of the usual pace it is not confirmed, and after ten minutes on end it has failed", () => {
  const why = "it makes 1.90 steps a minute where 6.00 were usual";
  const slow = health({
    steps: { counted: 20, perMinute: 1.9 },
    weights: { isEnabled: true, included: 1, epochBlocks: 360 },
  });
  const last = watched(pending(), slow, 10);
  expect(last).toMatchObject({ kind: "waiting", why });
  if (last.kind !== "waiting") throw new Error("unreachable");
  expect(judge(last.pending, slow, 1)).toEqual({ kind: "failed", why });
  // One look at the usual pace and the minutes begin anew.
  expect(judge(last.pending, health(), MINUTE_MS)).toMatchObject({ pending: { slowMs: 0 } });
  expect(judge(pending({ usualPerMinute: null }), slow, 0).kind).toBe("confirmed");
});

test("one that is slow, or well, and silent by turns has no end of time", () => {
  const slow = health({ steps: { counted: 20, perMinute: 1.9 } });
  const turns = (readings: (Health | undefined)[], first = pending()): [minutes: number, last: Verdict] => {
    let last: Verdict = { kind: "waiting", why: "", pending: first };
    let minutes = 0;
    for (; minutes < 1000 && last.kind === "waiting"; minutes++)
      last = judge(last.pending, readings[minutes % readings.length], MINUTE_MS);
    return [minutes, last];
  };
  expect(turns([slow, undefined])).toEqual([21, { kind: "failed", why: expect.stringContaining("usual") }]);
  expect(turns([health(), undefined])[0]).toBeWithin(200, 203);
});

test("a watcher that stood still, for a clock that was set or without power, has seen a minute", () => {
  const hours = 5 * 60 * MINUTE_MS;
  expect(judge(pending(), undefined, hours)).toMatchObject({
    kind: "waiting",
    pending: { wellLeftMs: 9 * MINUTE_MS, weightsLeftMs: 199 * MINUTE_MS },
  });
});

test("one restart begins its time anew, for a machine may be started anew; the second is a failure", () => {
  const seen = pending({ isWell: true, run: "run-1", wellLeftMs: MINUTE_MS });
  const gone = judge(seen, undefined, MINUTE_MS);
  expect(gone).toMatchObject({ kind: "waiting", pending: { isWell: false, wellLeftMs: 10 * MINUTE_MS } });
  if (gone.kind !== "waiting") throw new Error("unreachable");
  const again = judge(gone.pending, health({ run: "run-2" }), MINUTE_MS);
  expect(again).toMatchObject({ kind: "waiting", pending: { restarts: 1, run: "run-2", isWell: true } });
  if (again.kind !== "waiting") throw new Error("unreachable");
  expect(judge(again.pending, health({ run: "run-3" }), MINUTE_MS)).toMatchObject({
    kind: "failed",
    why: expect.stringContaining("twice"),
  });
});
