import { describe, expect, test } from "bun:test";
import { earnedBy } from "../../src/analysis/insight/factors.ts";

const COLUMNS = {
  a_reward_model: 3,
  a_reward_model_normalized: 0.5,
  b_reward_model: -1,
  b_reward_model_normalized: 1,
  relevance_filter: 0.5,
  length_penalty_raw: 0.3,
  length_penalty_adjusted: 0.2,
  length_penalty_applied: 0.8,
  shadow_c: 0.9,
};
const WEIGHTS = { a_reward_model: 0.25, b_reward_model: 0.75 };

describe("a reward", () => {
  test("is the weighted sum of the models, times masks and penalties, in this order", () => {
    const earned = earnedBy(COLUMNS, 0.35, WEIGHTS);
    expect(
      earned.factors.map(({ name, kind, weight, value, after }) => [name, kind, weight, value, after]),
    ).toEqual([
      ["b_reward_model", "model", 0.75, 1, 0.75],
      ["a_reward_model", "model", 0.25, 0.5, 0.875],
      ["relevance_filter", "mask", null, 0.5, 0.4375],
      ["length_penalty_applied", "penalty", null, 0.8, expect.closeTo(0.35, 12)],
    ]);
    expect(earned).toMatchObject({ computed: expect.closeTo(0.35, 12), agrees: true, impliedModels: null });
  });

  test("that is another than its factors come to is told as such", () => {
    expect(earnedBy(COLUMNS, 0.36, WEIGHTS)).toMatchObject({ agrees: false, recorded: 0.36 });
  });

  test("is not worked out where the weights are not known, or are of other models", () => {
    for (const weights of [undefined, { a_reward_model: 1 }]) {
      const earned = earnedBy(COLUMNS, 0.35, weights);
      expect(earned).toMatchObject({
        computed: null,
        agrees: null,
        impliedModels: expect.closeTo(0.875, 12),
      });
      expect(earned.factors.map(({ after }) => after)).toEqual([null, null, null, null]);
    }
    expect(earnedBy({ ...COLUMNS, relevance_filter: 0 }, 0, undefined).impliedModels).toBeNull();
  });

  test("of one model alone needs no weights", () => {
    const columns = { a_reward_model: 3, a_reward_model_normalized: 0.5, relevance_filter: 1 };
    expect(earnedBy(columns, 0.5, undefined)).toMatchObject({ computed: 0.5, agrees: true });
  });

  test("of an answer that was not judged is 0, and a mask without a number counts as its worst", () => {
    const none = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, null]));
    expect(earnedBy(none, 0, WEIGHTS)).toMatchObject({ computed: 0, agrees: true });
    expect(earnedBy({ ...COLUMNS, relevance_filter: null }, 0, WEIGHTS)).toMatchObject({
      computed: 0,
      agrees: true,
    });
  });
});
