import { describe, expect, test } from "bun:test";
import { areaUnderCurve, kendall, movingScore, stepsToPlace } from "../../bench/incentive/measures.ts";

describe("measures of the incentive bench", () => {
  test("area under the curve counts pairs, ties half", () => {
    expect(areaUnderCurve([3, 2], [1, 0])).toBe(1);
    expect(areaUnderCurve([1], [1])).toBe(0.5);
    expect(areaUnderCurve([2, 0], [1])).toBe(0.5);
    expect(areaUnderCurve([], [1])).toBeNaN();
  });

  test("Kendall's τ-b has the numbers of the textbook", () => {
    expect(kendall([1, 2, 3, 4], [1, 2, 3, 4])).toBe(1);
    expect(kendall([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
    expect(kendall([1, 2, 3, 4], [1, 2, 4, 3])).toBeCloseTo(4 / 6, 12);
    expect(kendall([1, 1, 2], [1, 2, 3])).toBeCloseTo(2 / Math.sqrt(2 * 3), 12);
  });

  test("a score moves by its share, and a newcomer's comes near that of others", () => {
    expect(movingScore([1, 0], 0.5)).toBe(0.25);
    const pace = { alpha: 0.05, share: 0.8, random: () => 0 };
    // 1 − 0.95^n ≥ 0.8
    expect(stepsToPlace([1], pace)).toBe(32);
    expect(stepsToPlace([0], pace)).toBe(Number.POSITIVE_INFINITY);
  });
});
