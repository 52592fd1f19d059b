import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { U16_MAX } from "../../src/base/units.ts";
import { normalizeMaxWeight, type ProcessedWeights, processWeights } from "../../src/weights/process.ts";
import { quantizeWeights } from "../../src/weights/quantize.ts";
import { normalizeL1 } from "../../src/weights/scores.ts";
import vectors from "../golden/chain-vectors.json";

const all = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe("processWeights agrees with the SDK", () => {
  for (const vector of vectors.process_weights) {
    test(vector.name.replaceAll("_", " "), () => {
      const processed = processWeights({
        uids: all(vector.n),
        weights: Float32Array.from(vector.weights),
        neurons: vector.n,
        minAllowedWeights: vector.min_allowed_weights,
        maxWeightLimit: vector.max_weight_limit,
        excludeQuantile: vector.exclude_quantile,
      });
      expect(processed.uids).toEqual(vector.uids);
      expect([...processed.weights]).toEqual(vector.processed.map(Math.fround));
      const quantized = quantizeWeights(processed.uids, processed.weights);
      expect(quantized).toEqual({ uids: vector.emit_uids, values: vector.emit_vals });
    });
  }
});

describe("normalizeMaxWeight", () => {
  for (const [index, vector] of vectors.normalize_max_weight.entries()) {
    test(`agrees with the SDK in vector ${index}`, () => {
      const normalized = normalizeMaxWeight(Float32Array.from(vector.x), vector.limit);
      expect([...normalized]).toEqual(vector.y.map(Math.fround));
    });
  }

  test.each([
    [[1.5e-45, 0, 0], 0.3333333333333334],
    [[0, 2e-25, 4e-25, 2e-18], 0.3298002630472184],
  ])("gives equal shares where the limit leaves hardly more: %p, %p", (values, limit) => {
    const result = normalizeMaxWeight(Float32Array.from(values), limit);
    for (const share of result) expect(share).toBeCloseTo(1 / values.length, 6);
  });

  test("never exceeds the limit and always sums to one", () => {
    const weights = fc.array(fc.float({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 600 });
    fc.assert(
      fc.property(weights, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, limit) => {
        const result = normalizeMaxWeight(Float32Array.from(values), limit);
        expect(result.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
        expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(limit, 1 / values.length) + 1e-5);
      }),
    );
  });
});

describe("weights of any scores, minimum and limit (property)", () => {
  const score = fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.float({ min: 0, max: 1, noNaN: true }) },
    // As of a miner whose score has decayed for weeks.
    { weight: 2, arbitrary: fc.float({ min: 0, max: Math.fround(1e-6), noNaN: true }) },
  );
  const subnet = fc.record({
    scores: fc.array(score, { minLength: 1, maxLength: 80 }),
    minAllowedWeights: fc.nat(90),
    maxWeightLimit: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
    excludeQuantile: fc.oneof(fc.constant(0), fc.nat(U16_MAX)),
  });
  const processed = (
    check: (
      made: ProcessedWeights,
      given: { raw: Float32Array; limit: number; least: number },
      isEqualForAll: boolean,
    ) => void,
  ): void =>
    fc.assert(
      fc.property(subnet, ({ scores, ...policy }) => {
        const raw = normalizeL1(Float32Array.from(scores));
        const neurons = raw.length;
        const made = processWeights({ uids: all(neurons), weights: raw, neurons, ...policy });
        const isEqualForAll = neurons < policy.minAllowedWeights || !raw.some((weight) => weight > 0);
        const least = Math.min(neurons, policy.minAllowedWeights);
        check(made, { raw, limit: policy.maxWeightLimit, least }, isEqualForAll);
      }),
      { numRuns: 500 },
    );
  /** Pairs of neighbours by score: who earned more never gets less. */
  const isInOrder = (
    uids: readonly number[],
    values: ArrayLike<number>,
    raw: Float32Array,
    slack: number,
  ) => {
    const order = [...uids.keys()].sort((a, b) => raw[uids[a]!]! - raw[uids[b]!]!);
    return order.every((at, index) => index === 0 || values[order[index - 1]!]! <= values[at]! + slack);
  };

  test("sum to one, within the limit, as many as are asked for, in the order of the uids and of the scores", () => {
    processed(({ uids, weights }, { raw, limit, least }, isEqualForAll) => {
      expect(uids).toEqual([...new Set(uids)].sort((a, b) => a - b));
      expect(uids.length).toBeGreaterThanOrEqual(least);
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
      expect(Math.max(...weights)).toBeLessThanOrEqual(Math.max(limit, 1 / uids.length) + 1e-5);
      expect(isEqualForAll || isInOrder(uids, weights, raw, 1e-7)).toBe(true);
    });
  });

  test("are so after rounding as well", () => {
    processed(({ uids: before, weights }, { raw, limit, least }, isEqualForAll) => {
      const { uids, values } = quantizeWeights(before, weights, limit, least);
      expect(uids).toEqual([...new Set(uids)].sort((a, b) => a - b));
      expect(uids.length).toBeGreaterThanOrEqual(least);
      expect(values.every((value) => Number.isInteger(value) && value > 0)).toBe(true);
      expect(Math.max(...values)).toBe(U16_MAX);
      const sum = values.reduce((total, value) => total + value, 0);
      expect(Math.floor((U16_MAX / sum) * 2 ** 32)).toBeLessThanOrEqual(
        Math.floor(Math.max(limit, 1 / uids.length) * 2 ** 32),
      );
      expect(isEqualForAll || isInOrder(uids, values, raw, 1)).toBe(true);
    });
  });
});

describe("weights that must not reach the chain", () => {
  const policy = { neurons: 3, minAllowedWeights: 1, maxWeightLimit: 1, excludeQuantile: 0 };

  test("are refused when one is not a finite number", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const weights = Float32Array.of(1, bad, 0);
      expect(() => processWeights({ ...policy, uids: all(3), weights })).toThrow("uid 1");
      expect(() => quantizeWeights(all(3), weights)).toThrow("uid 1");
    }
  });

  test("are refused when one is negative", () => {
    expect(() => quantizeWeights(all(2), Float32Array.of(1, -0.5))).toThrow("is -0.5");
  });

  test("are refused when a uid does not exist or the lengths differ", () => {
    expect(() => processWeights({ ...policy, uids: [0, 3], weights: Float32Array.of(1, 1) })).toThrow(
      "outside a subnet of 3",
    );
    expect(() => quantizeWeights([0], Float32Array.of(1, 1))).toThrow("1 uids but 2 weights");
  });

  test("are refused when all are zero", () => {
    expect(() => quantizeWeights(all(2), new Float32Array(2))).toThrow("every weight is zero");
  });
});

test("a sparse list of uids fills the minimum at the right places", () => {
  const { uids, weights } = processWeights({
    uids: [4, 1],
    weights: Float32Array.of(3, 1),
    neurons: 6,
    minAllowedWeights: 4,
    maxWeightLimit: 1,
    excludeQuantile: 0,
  });
  expect(uids).toEqual(all(6));
  expect(weights.indexOf(Math.max(...weights))).toBe(4);
  expect(weights[1]!).toBeGreaterThan(weights[0]!);
});
