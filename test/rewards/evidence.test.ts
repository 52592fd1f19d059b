import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { earnedBy } from "../../src/analysis/insight/factors.ts";
import { asUid } from "../../src/base/units.ts";
import { augmentPrompt } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import { RunningNormalizer } from "../../src/rewards/normalize.ts";
import type { RewardModel } from "../../src/rewards/parts.ts";
import { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import { timeFactors } from "../../src/rewards/response-time.ts";
import { type MovingScores, updateScores } from "../../src/weights/scores.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { fakeModels } from "./fake-models.ts";
import { question, SENTENCES } from "./questions.ts";

/** A pipeline whose only model gives the numbers that the answers are. */
function relative(): RewardPipeline {
  const model: RewardModel = {
    name: "numbers",
    score: async (_question, completions) => completions.map(Number),
  };
  return new RewardPipeline({ models: [{ model, weight: 1 }], masks: [] });
}

/** Mean 0 and deviation 1, as `normalizer` sees it. */
const known = (): RunningNormalizer => {
  const normalizer = new RunningNormalizer();
  normalizer.state = { count: 3000, mean: 0, variance: 1 };
  return normalizer;
};
const finite = fc.double({ min: -50, max: 50, noNaN: true });

describe("a reward that is relative to others", () => {
  test("is 0.5 for one or two answers while nothing is known, whatever the model says", () => {
    for (const batch of [[7], [-3], [7, -3], [-3, 7]])
      expect(new RunningNormalizer().normalize(batch)).toEqual(batch.map(() => 0.5));
    expect(new RunningNormalizer().normalize([1, 2, 3])[2]).toBeCloseTo(0.8413, 4);
  });

  test("takes answers that it does not rank as evidence all the same: from 30 on, one is ranked", async () => {
    const pipeline = relative();
    for (let step = 0; step < 15; step++)
      expect((await pipeline.score(question(), ["-1", null, "1"])).rewards).toEqual([0.5, 0, 0.5]);
    const [good] = (await pipeline.score(question(), ["1", null])).rewards;
    expect(good).toBeWithin(0.7, 0.9);
    const [, , bad] = (await pipeline.score(question(), [null, null, "-1"])).rewards;
    expect(bad).toBeWithin(0.1, 0.3);
  });

  test("of one answer is what the running mean says, and next to nothing of its own doing", () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (raw) => {
        const alone = known().normalize([raw])[0]!;
        const inCompany = known().normalize([
          raw,
          ...Array.from({ length: 20 }, (_, at) => (at % 5) - 2),
        ])[0]!;
        expect(Math.abs(alone - inCompany)).toBeLessThan(0.01);
      }),
    );
  });

  test("is the same for equal numbers, and grows with the number, however many answers there are", () => {
    fc.assert(
      fc.property(fc.array(fc.array(finite, { maxLength: 6 }), { maxLength: 6 }), (batches) => {
        const normalizer = new RunningNormalizer();
        for (const batch of batches) {
          const given = normalizer.normalize(batch);
          for (const [i, a] of batch.entries())
            for (const [j, b] of batch.entries())
              if (a === b) expect(given[i]).toBe(given[j]!);
              else if (a > b) expect(given[i]).toBeGreaterThanOrEqual(given[j]!);
        }
      }),
    );
  });

  test("is a tie where numbers differ by rounding alone", () => {
    expect(new RunningNormalizer().normalize([0.1 + 0.2, 0.3, 0.3])).toEqual([0.5, 0.5, 0.5]);
    expect(new RunningNormalizer().normalize([0, 0, 0])).toEqual([0.5, 0.5, 0.5]);
    const [low, , high] = new RunningNormalizer().normalize([0.299, 0.3, 0.301]);
    expect(high! - low!).toBeGreaterThan(0.5);
  });
});

describe("a reward of the embedded profile", () => {
  const TEXT = SENTENCES.join(" ");
  const asked = question({ prompt: augmentPrompt(TEXT, 3), basePrompt: TEXT });
  const summary = (...places: number[]): string => places.map((at) => SENTENCES[at]).join(" ");
  const HONEST = summary(0, 1, 3, 5);
  const OTHERS = [summary(0, 2, 4), summary(1, 3, 4), "No.", "wool salt monks harbour storm king looms"];
  const rewardsOf = async (...completions: (string | null)[]): Promise<number[]> =>
    (
      await createPipeline(chosenProfile("embedded"), { models: fakeModels(new FakeEncoder()) }).score(
        asked,
        completions,
      )
    ).rewards;

  test("is the same alone, among silent miners and among others, in the first step as in any", async () => {
    const [alone] = await rewardsOf(HONEST);
    expect(alone).toBeGreaterThan(0.2);
    expect((await rewardsOf(null, HONEST, null))[1]).toBeCloseTo(alone!, 9);
    expect((await rewardsOf(...OTHERS, HONEST)).at(-1)).toBeCloseTo(alone!, 2);
  });

  test("of two that say the same is next to nothing for both: who copied whom cannot be told", async () => {
    const [alone] = await rewardsOf(HONEST);
    const [first, second] = await rewardsOf(HONEST, HONEST);
    expect(second).toBe(first!);
    expect(first).toBeLessThan(0.01 * alone!);
  });
});

describe("the time that an answer took", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const anything = fc.oneof(fc.double(), fc.double({ min: 0, max: 2, noNaN: true }));

  test("leaves from 1 down to 1 − weight, less for more time, and all of it with the weight 0", () => {
    fc.assert(
      fc.property(share, fc.array(anything), (weight, taken) => {
        const factors = timeFactors(weight, taken);
        for (const factor of factors) expect(factor).toBeWithin(1 - weight, 1 + Number.EPSILON);
        for (const [i, a] of taken.entries())
          for (const [j, b] of taken.entries())
            if (a <= b) expect(factors[i]).toBeGreaterThanOrEqual(factors[j]!);
        expect(timeFactors(0, taken)).toEqual(taken.map(() => 1));
      }),
    );
    expect(timeFactors(0.5, [0, 0.5, 1, 7, -1, Number.NaN])).toEqual([1, 0.75, 0.5, 0.5, 1, 1]);
  });

  test("goes with its answer, past those that gave none, and multiplies out in the events", async () => {
    const model: RewardModel = { name: "sure", isAbsolute: true, score: async () => [0.8, 0.8] };
    const pipeline = new RewardPipeline({ models: [{ model, weight: 1 }], masks: [], timeWeight: 0.5 });
    const taken = [0.1, 1, 0.2];
    const { rewards, columns } = await pipeline.score(question(), ["a", null, "b"], { taken });
    expect(columns.at(-1)).toEqual({ name: "response_time_filter", raw: [0.95, null, 0.9] });
    expect(rewards).toEqual([0.8 * 0.95, 0, 0.8 * 0.9]);
    const told = { sure: 0.8, sure_normalized: 0.8, response_time_filter: 0.95 };
    expect(earnedBy(told, rewards[0]!, { sure: 1 }).agrees).toBe(true);
  });
});

describe("the score of a miner that is asked rarely", () => {
  test("is the share that its answers have earned, and waits for the next one", () => {
    let state: Pick<MovingScores, "scores" | "asked"> = {
      scores: Float32Array.of(0, 0),
      asked: Uint32Array.of(0, 0),
    };
    for (let step = 0; step < 100; step++) {
      const uids = step % 20 === 0 ? [asUid(0), asUid(1)] : [asUid(0)];
      state = updateScores(state, { uids, rewards: uids.map(() => 0.8) }, 0.05);
    }
    expect([...state.asked]).toEqual([100, 5]);
    expect(state.scores[0]).toBeCloseTo(0.8 * (1 - 0.95 ** 100), 5);
    expect(state.scores[1]).toBeCloseTo(0.8 * (1 - 0.95 ** 5), 5);
  });
});
