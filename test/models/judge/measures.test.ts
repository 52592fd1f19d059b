import { describe, expect, test } from "bun:test";
import {
  areaUnderCurve,
  byAsks,
  drawn,
  kendall,
  mean,
  movingScore,
  steady,
  stepsToPlace,
} from "../../bench/incentive/measures.ts";

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
    expect(movingScore([1, 0], steady(0.5))).toBe(0.25);
    const place = { pace: steady(0.05), share: 0.8, random: () => 0 };
    // 1 − 0.95^n ≥ 0.8
    expect(stepsToPlace([1], place)).toBe(32);
    expect(stepsToPlace([0], place)).toBe(Number.POSITIVE_INFINITY);
  });

  test("by asks, a score is the plain mean until alpha is more", () => {
    const rewards = [0.2, 0.9, 0.4, 0.7];
    expect(movingScore(rewards, byAsks(0.05))).toBeCloseTo(mean(rewards), 12);
    expect(byAsks(0.05)(18)).toBeCloseTo(1 / 19, 12);
    expect(byAsks(0.05)(20)).toBe(0.05);
    expect(stepsToPlace([1], { pace: byAsks(0.05), share: 0.8, random: () => 0 })).toBe(1);
    expect(drawn([7], 3, () => 0.9)).toEqual([7, 7, 7]);
  });
});
