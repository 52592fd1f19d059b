import { describe, expect, test } from "bun:test";
import type { EventBody } from "../../src/events/schema.ts";
import { ALERTS, type AlertName } from "../../src/telemetry/status.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

type Told = [body: EventBody, atS: number, block?: number];

const chain = (state: string, value: number | null = null): EventBody => bodyOf("chain", { state, value });
const disk = (state: string): EventBody => bodyOf("disk", { state });
const update = (state: string, atS: number, more: object = {}): EventBody =>
  bodyOf("update", { state, at: timeAt(atS), answered_at: timeAt(atS), to: null, urgency: null, ...more });
const timeAt = (atS: number): string => new Date(START_MS + atS * 1000).toISOString();
const answers = (status: number, from: number, count: number): Told[] =>
  Array.from({ length: count }, (_, n) => [
    bodyOf("step", { completion_status_codes: [status, status, status, 200] }),
    from + n,
  ]);

/** For each alert: events that provoke it, and events that end it; the pictures are taken right after them. */
const CAUSES: Record<AlertName, { provoked: Told[]; quietUntilS?: number; ended: Told[] }> = {
  weights_overdue: {
    provoked: [[bodyOf("step"), 10, 1541]],
    ended: [[bodyOf("weights", { state: "included" }), 20, 1542]],
  },
  reveal_missing: {
    provoked: [[bodyOf("reveal", { state: "missing", committed: 90 }), 10]],
    ended: [[bodyOf("reveal", { state: "pending", committed: 95 }), 20]],
  },
  answer_rate_collapsed: {
    provoked: [...answers(200, 1, 40), ...answers(503, 50, 20)],
    ended: answers(200, 80, 20),
  },
  miners_unreachable: {
    provoked: [[bodyOf("miners", { state: "outage" }), 10]],
    ended: [[bodyOf("miners", { state: "reached" }), 20]],
  },
  clock_off: { provoked: [[chain("clock", -8), 10]], ended: [[chain("clock", 3), 20]] },
  endpoint_lost: {
    provoked: [
      [chain("lost"), 10],
      [bodyOf("forward"), 71],
    ],
    ended: [[chain("connected"), 80]],
  },
  disk_low: { provoked: [[disk("low"), 10]], ended: [[disk("ok"), 20]] },
  journal_lost: { provoked: [[disk("journal-lost"), 10]], ended: [[disk("journal-back"), 20]] },
  state_not_saved: { provoked: [[disk("state-full"), 10]], ended: [[disk("state-back"), 20]] },
  permit_missing: { provoked: [[chain("permit", 0), 10]], ended: [[chain("permit", 1), 20]] },
  registration_lost: {
    provoked: [[chain("registration", null), 10]],
    ended: [[chain("registration", 7), 20]],
  },
  model_lost: {
    provoked: [[bodyOf("model", { state: "lost" }), 10]],
    ended: [[bodyOf("model", { state: "restarted" }), 20]],
  },
  run_failed: {
    provoked: [[bodyOf("stop", { reason: "chain.not-registered", exit_code: 78 }), 10]],
    ended: [[bodyOf("stop", { reason: "signal", exit_code: 0 }), 20]],
  },
  update_rolled_back: {
    provoked: [[update("rolled-back", 10, { from: "1.1.0", to: "1.0.0", detail: "it set no weights" }), 10]],
    ended: [[update("available", 20, { to: "1.1.1" }), 20]],
  },
  update_failed: {
    provoked: [[update("failed", 10, { reason: "update.untrusted" }), 10]],
    ended: [[update("checked", 20), 20]],
  },
  update_stale: {
    provoked: [1, 2, 3].map(
      (atS): Told => [
        update("failed", atS, { reason: "update.unreachable", answered_at: timeAt(-86_400) }),
        atS,
      ],
    ),
    ended: [[update("checked", 20), 20]],
  },
  steps_silent: { provoked: [[disk("ok"), 200]], ended: [[bodyOf("step"), 201, 1020]] },
};

describe("each alert is provoked by its cause alone, and ends with it:", () => {
  test.each([...ALERTS])("%s", (name) => {
    const { provoked, ended } = CAUSES[name];
    const fold = new StatusFold();
    const after = (events: Told[]) => {
      for (const [body, atS, block] of events) fold.apply(stamped(body, atS, block));
      return fold.snapshot(START_MS + events.at(-1)![1] * 1000);
    };
    expect(after([[bodyOf("run"), 0]]).alerts).toEqual([]);
    const up = after(provoked);
    expect(up.alerts.map((alert) => alert.name)).toEqual([name]);
    const [alert] = up.alerts;
    expect(up.healthy).toBe(alert!.severity === "warning");
    expect(up.reasons.includes(alert!.text)).toBe(alert!.severity === "critical");
    expect(alert!.since).toBe(up.at);
    // It stays as old as it is.
    expect(fold.snapshot(Date.parse(up.at) + 1_000).alerts[0]!.since).toBe(up.at);
    expect(after(ended).alerts).toEqual([]);
  });
});

describe("nobody is called", () => {
  const namesAt = (events: Told[], atS: number, run: object = {}): string[] => {
    const fold = new StatusFold();
    for (const [body, when, block] of [[bodyOf("run", run), 0], ...events] as Told[])
      fold.apply(stamped(body, when, block));
    return fold.snapshot(START_MS + atS * 1000).alerts.map(({ name }) => name);
  };

  test("for weights by a validator that sets none, after a pause, or without a known epoch", () => {
    const late: Told[] = [[bodyOf("step"), 10, 9_000]];
    expect(namesAt(late, 10)).toEqual(["weights_overdue"]);
    expect(namesAt(late, 10, { sets_weights: false })).toEqual([]);
    expect(namesAt(late, 10, { epoch_blocks: null })).toEqual([]);
    // The last ones are old because it did not run.
    expect(namesAt([], 10, { last_weights_block: 1 })).toEqual([]);
    // The permit came back: an epoch begins.
    expect(namesAt([[chain("permit", 0), 1], [chain("permit", 1), 9, 8_900], ...late], 10)).toEqual([]);
  });

  test("for an endpoint that is away less than a minute", () => {
    expect(namesAt([[chain("lost"), 10]], 69)).toEqual([]);
    expect(namesAt([[chain("lagging"), 10]], 71)).toEqual(["endpoint_lost"]);
  });

  test("for an answer rate that is low as always, or of too few steps", () => {
    expect(namesAt(answers(503, 1, 60), 61)).toEqual([]);
    expect(namesAt([...answers(200, 1, 10), ...answers(503, 20, 20)], 41)).toEqual([]);
  });

  test("while models load or after the stop", () => {
    const fold = new StatusFold();
    expect(fold.snapshot(START_MS + 1e7).alerts).toEqual([]);
    expect(namesAt([[bodyOf("stop"), 1]], 10_000)).toEqual([]);
  });
});
