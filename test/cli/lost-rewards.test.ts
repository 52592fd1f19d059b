import { describe, expect, test } from "bun:test";
import { causeOfLoss, commonestLoss } from "../../src/cli/lost-rewards.ts";
import type { StepEvent } from "../../src/events/schema.ts";

describe("what cost a reward", () => {
  const event = {
    completion_status_codes: [200, 200, 200, 408, 200],
    completions: ["a", "b", "c", "", ""],
    order_filter: [0.9, 0.2, 0.1, null, null],
    diversity_reward_model: [1, 0.01, 0.1, null, null],
    task_fit_reward_model: [0.8, 0.6, 0.3, null, null],
  } as unknown as StepEvent;

  test("is what leaves least of it, named once, and nothing where half of it is left", () => {
    expect([0, 1, 2, 3, 4].map((index) => causeOfLoss(event, index))).toEqual([
      undefined,
      "copied",
      "copied",
      "silent",
      "silent",
    ]);
  });

  test("is told by its share of the steps", () => {
    expect(commonestLoss(new Map(), 4)).toBe("-");
    const causes = new Map([
      ["order", 1],
      ["copied", 3],
    ]);
    expect(commonestLoss(causes, 4)).toBe("copied 75 %");
  });
});
