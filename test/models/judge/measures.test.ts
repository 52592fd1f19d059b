import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../src/localnet/miners/random.ts";
import { drawSubnet, luckyShare, meanTau, type Worth } from "../../bench/incentive/draws.ts";
import {
  areaUnderCurve,
  byAsks,
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
  });
});

describe("subnets drawn from what was earned", () => {
  const miners: Worth[] = [0.1, 0.4, 0.7, 1].map((quality) => ({ style: "quoting", quality }));
  const fair = { good: [0.9, 0.8], bad: [0.1, 0] };

  test("rank miners by their worth, no better than one who knows good from bad", () => {
    const random = seededRandom(1);
    const played = [{ quoting: fair, rewriting: fair }];
    const subnets = Array.from({ length: 20 }, () => drawSubnet(played, miners, 60, random));
    expect(subnets[0]!.rewards.map((row) => row.length)).toEqual([60, 60, 60, 60]);
    expect(new Set(subnets[0]!.truth[3])).toEqual(new Set([1]));
    const oracle = meanTau(subnets, miners, { pace: steady(0.05), of: "truth" });
    expect(oracle).toBeGreaterThan(0.8);
    expect(meanTau(subnets, miners, { pace: steady(0.05), of: "rewards" })).toBeLessThanOrEqual(
      oracle + 0.02,
    );
    const early = { pace: steady(0.05), of: "truth", asked: (at: number) => (at === 3 ? 0 : 60) } as const;
    expect(meanTau(subnets, miners, early)).toBeLessThan(0.5);
  });

  test("tell how often a poor one is on top at first: often by the mean of a few answers, never by a small share", () => {
    const subnets = [{ rewards: [[1, 0, 0, 0], ...[1, 1, 1].map(() => [0.5, 0.5, 0.5, 0.5])], truth: [] }];
    const lucky = { asks: 1, poor: 0.3 };
    expect(luckyShare(subnets, miners, { ...lucky, pace: byAsks(0.05) })).toBe(1);
    expect(luckyShare(subnets, miners, { ...lucky, pace: steady(0.05) })).toBe(0);
  });
});
