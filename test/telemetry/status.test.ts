import { describe, expect, test } from "bun:test";
import type { EventBody } from "../../src/events/schema.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { stepBodyOf } from "../events/bodies.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

function folded(...events: [body: EventBody, atS: number, block?: number][]): StatusFold {
  const fold = new StatusFold();
  for (const [body, atS, block] of events) fold.apply(stamped(body, atS, block));
  return fold;
}
const at = (fold: StatusFold, atS: number) => fold.snapshot(START_MS + atS * 1000);

describe("the picture of a run", () => {
  test("before its first event it starts, and is not healthy", () => {
    const status = at(new StatusFold(), 0);
    expect([status.phase, status.healthy, status.reasons]).toEqual([
      "starting",
      false,
      ["the validator is starting"],
    ]);
  });

  test("has the facts of the run and the last step", () => {
    const fold = folded([bodyOf("run"), 0], [bodyOf("step", { step: 8 }), 30, 1002]);
    const status = at(fold, 40);
    expect(status).toMatchObject({
      version: "0.2.0",
      uid: 0,
      netuid: 1,
      permit: true,
      startedAt: "2026-01-01T00:00:00.000Z",
      healthy: true,
      reasons: [],
      alerts: [],
      chain: { state: "connected", head: 1002, headAgeS: 10 },
      steps: {
        number: 8,
        inRun: 1,
        counted: 1,
        perMinute: 1,
        last: { answered: 4, asked: 4, meanReward: 0.5 },
      },
      answerRate: 1,
      stages: { choose_ms: 1, ask_ms: 900, judge_ms: 80 },
      inference: { queueMs: 3, computeMs: 60 },
      models: [{ id: "m", device: "cpu", state: "loaded" }],
    });
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  });

  test("keeps its hands off the pictures it gave away", () => {
    const fold = folded([bodyOf("run"), 0], [bodyOf("step"), 1]);
    const first = at(fold, 2);
    const text = JSON.stringify(first);
    for (let n = 0; n < 30; n++) fold.apply(stamped(bodyOf("step", { rewards: [0, 0, 0, 0] }), 3 + n));
    at(fold, 40);
    expect(JSON.stringify(first)).toBe(text);
  });

  test("tells when the next weights are due", () => {
    const fold = folded([bodyOf("run", { last_weights_block: 900 }), 0]);
    expect(at(fold, 1).weights).toMatchObject({ lastBlock: 900, nextBlock: 1260, state: null });
    fold.apply(stamped(bodyOf("weights", { state: "waiting", reason: "evidence", blocks_left: 7 }), 2, 1300));
    expect(at(fold, 3).weights).toMatchObject({ state: "waiting", reason: "evidence", nextBlock: 1307 });
    fold.apply(stamped(bodyOf("weights", { state: "included" }), 4, 1310));
    expect(at(fold, 5).weights).toMatchObject({ lastBlock: 1310, nextBlock: 1670, included: 1 });
  });

  test("tells when the next weights are due before an epoch, where they are set on that schedule", () => {
    const fold = folded([bodyOf("run", { last_weights_block: 900, next_weights_block: 1126 }), 0]);
    expect(at(fold, 1).weights).toMatchObject({ lastBlock: 900, nextBlock: 1126 });
    fold.apply(stamped(bodyOf("weights", { state: "due" }), 2, 1126));
    expect(at(fold, 3).weights.nextBlock).toBe(1126);
    fold.apply(stamped(bodyOf("weights", { state: "included", blocks_left: 358 }), 4, 1128));
    fold.apply(stamped(bodyOf("weights", { state: "waiting", reason: "a miner" }), 5, 1200));
    expect(at(fold, 6).weights).toMatchObject({ lastBlock: 1128, nextBlock: 1486 });
  });

  test("of several mechanisms tells of the one that waits longest", () => {
    const mechanisms = [
      { mecid: 0, share: 0.5, last_weights_block: 900 },
      { mecid: 1, share: 0.5, last_weights_block: 950 },
    ];
    const fold = folded([bodyOf("run", { last_weights_block: 900, mechanisms }), 0]);
    fold.apply(stamped(bodyOf("weights", { state: "included" }), 4, 1260));
    expect(at(fold, 5).weights).toMatchObject({ lastBlock: 950, included: 1 });
    fold.apply(stamped(bodyOf("weights", { state: "included", mecid: 1 }), 6, 1310));
    expect(at(fold, 7).weights).toMatchObject({ lastBlock: 1260, included: 2 });
  });

  test("an older commit's good news does not hide a newer commit that waits", () => {
    const fold = folded([bodyOf("run"), 0], [bodyOf("reveal", { state: "pending", committed: 50 }), 1]);
    fold.apply(stamped(bodyOf("reveal", { state: "revealed", committed: 10 }), 2));
    expect(at(fold, 3).reveal).toMatchObject({ state: "pending", committed: 50 });
  });
});

describe("miners in the picture", () => {
  const hostile = `\u001b[31m${"x".repeat(5_000)}\ud800`;

  test("have their last answer, bounded and printable", () => {
    const step = {
      ...stepBodyOf(2, { relevance_filter: [1, null], shadow_x: [1, 1], odd: [1] }),
      completions: [hostile, ""],
      completion_status_codes: [200, 408],
      completion_status_messages: [hostile, "late"],
      rewards: [0.5, 0],
    };
    const { miners } = at(folded([bodyOf("run"), 0], [step, 1]), 2);
    expect(miners[1]).toMatchObject({ uid: 1, asked: 1, answered: 0, lastStatus: 408, reward: 0 });
    expect(miners[0]!.columns).toEqual({ relevance_filter: 1 });
    // 300 characters and the mark of a cut.
    expect(miners[0]!.lastCompletion.length).toBe(301);
    expect(miners[0]!.lastMessage).not.toContain("\u001b");
    expect(miners[0]!.lastMessage.length).toBeLessThan(210);
  });

  test("a uid that another hotkey took begins anew, a moved hotkey takes its history along", () => {
    const fold = folded([bodyOf("run"), 0], [{ ...stepBodyOf(2), hotkeys: ["a", "b"] }, 1]);
    const metagraph = {
      neurons: 2,
      replaced: [0, 1],
      moved: [{ hotkey: "b", from: 1, to: 0 }],
      added: [],
      removed: [],
    };
    fold.apply(stamped(bodyOf("metagraph", metagraph), 2));
    fold.apply(
      stamped(bodyOf("scores", { hotkeys: ["b", "c"], moving_averaged_scores: [0.3, 0], asked: [5, 0] }), 3),
    );
    const { miners } = at(fold, 4);
    expect(miners.map(({ hotkey, asked, score, askedInAll }) => [hotkey, asked, score, askedInAll])).toEqual([
      ["b", 1, 0.3, 5],
      ["c", 0, 0, 0],
    ]);
  });

  test("means are over the last twenty", () => {
    const fold = folded([bodyOf("run"), 0]);
    for (let n = 0; n < 40; n++)
      fold.apply(
        stamped({ ...stepBodyOf(1), rewards: [n < 20 ? 0 : 1], completion_times: [n < 20 ? 9 : 2] }, n),
      );
    const [miner] = at(fold, 41).miners;
    expect([miner!.reward, miner!.latency, miner!.rewards.length, miner!.asked]).toEqual([1, 2, 20, 40]);
  });
});
