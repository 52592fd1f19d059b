import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rankCorrelation, shadowAgreement } from "../../src/analysis/agreement.ts";
import type { AnyEvent, StepEvent } from "../../src/events/schema.ts";
import { stepBodyOf, stopEvent } from "../events/bodies.ts";
import { stepEventOf } from "../events/step-event.ts";

async function* stream(events: AnyEvent[]): AsyncGenerator<AnyEvent> {
  yield* events;
}

describe("the rank correlation", () => {
  test.each([
    [[1, 2, 3], [10, 20, 90], 1],
    [[1, 2, 3], [3, 2, 1], -1],
    // By hand: equal values share the mean of their ranks.
    [[1, 2, 2, 4, 5], [3, 1, 4, 4, 9], 0.7631578947368421],
    [[5, 5, 1], [1, 2, 3], -0.8660254037844387],
  ])("of %p and %p is %p", (a, b, expected) => {
    expect(rankCorrelation(a, b)!).toBeCloseTo(expected, 12);
  });

  test("is none where one list is all equal, and stays within −1 and 1", () => {
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(rankCorrelation([], [])).toBeNull();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ max: 5 }), fc.double({ noNaN: true })), { minLength: 2 }),
        (rows) => {
          const found = rankCorrelation(
            rows.map(([x]) => x),
            rows.map(([, y]) => y),
          );
          expect(found === null || Math.abs(found) <= 1 + 1e-12).toBe(true);
        },
      ),
    );
  });
});

describe("the agreement of a journal", () => {
  test("is that within the steps, weighted by their answers, as a whole and by task", async () => {
    const found = await shadowAgreement(
      stream([
        stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_a: [1, 2, 3], rlhf_reward_model: [1, 1, 1] }),
        stepEventOf("answer0", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], { shadow_a: [6, 5, 4, 3, 2, 1] }),
        stepEventOf("answer1", [0.1, 0.2, 0.3], { shadow_a: [1, 2, 3] }),
      ]),
    );
    expect(found).toHaveLength(1);
    expect(found[0]!.name).toBe("shadow_a");
    expect(found[0]!.all).toEqual({
      steps: 3,
      answers: 12,
      rankCorrelation: (3 - 6 + 3) / 12,
      sameBest: 2 / 3,
    });
    expect(found[0]!.byTask.answer).toMatchObject({ steps: 2, answers: 9, sameBest: 0.5 });
    expect(found[0]!.byTask.augment!.rankCorrelation).toBe(1);
  });

  test("reads steps of both versions", async () => {
    const { kind: _, ...body } = stepBodyOf(3, { shadow_a: [1, 2, 3] });
    const current = { ...stopEvent(1), ...body, kind: "step", rewards: [0.1, 0.2, 0.3] } as StepEvent;
    const old = stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_a: [3, 2, 1] });
    const found = await shadowAgreement(stream([old, current]));
    expect(found[0]!.byTask.augment).toEqual({ steps: 2, answers: 6, rankCorrelation: 0, sameBest: 0.5 });
    expect(found).toHaveLength(1);
  });

  test("leaves out answers without a score, steps that say nothing, and the uids of raters", async () => {
    const found = await shadowAgreement(
      stream([
        stepEventOf("augment", [0.1, 0.9, 0.2, 0.3], {
          shadow_miners: [0.1, null, 0.2, 0.3],
          shadow_miners_uids: [3, null, 2, 1],
        }),
        stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_miners: [0.5, null, 0.1] }),
        stepEventOf("augment", [0, 0, 0], { shadow_miners: [0.5, 0.2, 0.1] }),
      ]),
    );
    expect(found.map(({ name, all }) => [name, all])).toEqual([
      ["shadow_miners", { steps: 1, answers: 3, rankCorrelation: 1, sameBest: 1 }],
    ]);
  });

  test("is told to be unknown when no step says anything", async () => {
    const [only] = await shadowAgreement(
      stream([stepEventOf("augment", [1, 1, 1], { shadow_a: [1, 2, 3] })]),
    );
    expect(only!.all).toEqual({ steps: 0, answers: 0, rankCorrelation: null, sameBest: null });
    expect(await shadowAgreement(stream([stepEventOf("augment", [1], {})]))).toEqual([]);
  });
});
