import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { gatingLoss, softmax } from "../../src/gating/loss.ts";
import golden from "../golden/gating/training.json";

const number = fc.double({ min: -20, max: 20, noNaN: true });
const pairs = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 60 });

describe("softmax", () => {
  test("is a probability for any finite numbers, huge ones included", () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 60 }), (values) => {
        const shares = softmax(values);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        for (const share of shares) expect(share >= 0 && share <= 1).toBe(true);
      }),
    );
  });

  test("is the same when all values are moved by one amount", () => {
    const shares = softmax([1, 2, 4]);
    const moved = softmax([1001, 1002, 1004]);
    for (const [i, share] of shares.entries()) expect(moved[i]).toBeCloseTo(share, 12);
  });
});

describe("the loss of the gating model", () => {
  test("has the gradient that finite differences show", () => {
    fc.assert(
      fc.property(pairs, (drawn) => {
        const scores = drawn.map(([score]) => score);
        const rewards = drawn.map(([, reward]) => reward);
        const { gradient } = gatingLoss(scores, rewards);
        const h = 1e-5;
        for (const i of scores.keys()) {
          const at = (delta: number): number =>
            gatingLoss(
              scores.map((score, j) => (j === i ? score + delta : score)),
              rewards,
            ).loss;
          expect(Math.abs((at(h) - at(-h)) / (2 * h) - gradient[i]!)).toBeLessThan(1e-8);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("is zero, with no gradient, where the scores are the rewards up to a constant", () => {
    const { loss, gradient } = gatingLoss([3, 3.5, 4], [0, 0.5, 1]);
    expect(loss).toBeLessThan(1e-30);
    for (const slope of gradient) expect(Math.abs(slope)).toBeLessThan(1e-15);
  });

  test("meets loss and gradient computed in Python to 1e-12", () => {
    expect(golden.steps.length).toBeGreaterThanOrEqual(40);
    for (const step of golden.steps) {
      const { loss, gradient } = gatingLoss(step.scores, step.rewards);
      expect(Math.abs(loss - step.loss)).toBeLessThan(1e-12);
      for (const [i, slope] of gradient.entries())
        expect(Math.abs(slope - step.gradient[i]!)).toBeLessThan(1e-12);
    }
  });
});
