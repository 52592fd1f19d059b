import { describe, expect, test } from "bun:test";
import { DiversityMask } from "../../src/rewards/masks/diversity.ts";
import { TaskValidatorMask } from "../../src/rewards/masks/task-validator.ts";
import { erf, RunningNormalizer } from "../../src/rewards/normalize.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";
import diversity from "../golden/rewards/diversity.json";
import erfTable from "../golden/rewards/erf.json";
import normalizer from "../golden/rewards/normalizer.json";
import taskValidator from "../golden/rewards/task-validator.json";
import { MPNET_CUTOFFS, question } from "./questions.ts";

/** Largest absolute difference between two lists. */
function difference(ours: readonly number[], theirs: readonly number[]): number {
  expect(ours).toHaveLength(theirs.length);
  return Math.max(...ours.map((value, index) => Math.abs(value - theirs[index]!)));
}

// The numbers are made by test/golden/rewards/make.py with numpy.
describe("numbers computed in Python are met by", () => {
  test("the error function to 1e-15", () => {
    expect(erfTable.length).toBeGreaterThan(200);
    const ours = erfTable.map(({ x }) => erf(x));
    expect(
      difference(
        ours,
        erfTable.map((row) => row.erf),
      ),
    ).toBeLessThan(1e-15);
  });

  test("the running normaliser over 156 batches to 1e-9", () => {
    const ours = new RunningNormalizer();
    let left = 0;
    for (const { raw, normalized, state } of normalizer) {
      // One or two answers before 30 are known: noise in Python, the middle here (test/rewards/evidence.test.ts).
      const isNoise = raw.length < 3 && ours.state.count < 30;
      const given = ours.normalize(raw);
      if (isNoise) left++;
      else expect(difference(given, normalized)).toBeLessThan(1e-9);
      expect(ours.state.count).toBe(state.count);
      expect(ours.state.mean).toBeCloseTo(state.mean, 9);
      expect(ours.state.variance).toBeCloseTo(state.variance, 9);
    }
    expect(left).toBe(4);
    // The table must reach the cap, or it does not test it.
    expect(ours.state.count).toBe(3000);
  });

  test("diversity in the batch and against the history to 1e-6", async () => {
    const embedder = { embed: async (texts: string[]) => texts.map((text) => vectorOf(text)) };
    const vectorOf = (text: string): Float32Array => {
      const [step, row] = text.split(" ").map(Number);
      return new Float32Array(diversity.steps[step!]!.vectors[row!]!);
    };
    const mask = new DiversityMask({ embedder, encoder: "golden", ...MPNET_CUTOFFS });
    const saved = new SavedMemory();
    const seen: number[] = [];
    for (const [step, { vectors, factors, stored }] of diversity.steps.entries()) {
      const { factors: ours, learn } = await mask.apply(
        question(),
        vectors.map((_, row) => `${step} ${row}`),
      );
      await learn?.();
      expect(difference(ours, factors)).toBeLessThan(1e-6);
      expect(saved.take(mask.changes()).tables.diversity!.size).toBe(stored);
      seen.push(...ours);
    }
    // Both ends and the slope between them occur in the table.
    expect(diversity.steps.at(-1)!.stored).toBeGreaterThan(502);
    expect(seen.filter((factor) => factor > 0.1 && factor < 0.9).length).toBeGreaterThan(10);
  });

  test("the task validator", async () => {
    const mask = new TaskValidatorMask();
    for (const { task, completion, factor } of taskValidator)
      expect([completion, await mask.apply(question({ task: task as "augment" }), [completion])]).toEqual([
        completion,
        [factor],
      ]);
  });
});
