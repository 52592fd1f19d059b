import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { normalizeMaxWeight, processWeights } from "../../src/weights/process.ts";
import { quantizeWeights } from "../../src/weights/quantize.ts";
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
