import { expect, test } from "bun:test";
import fc from "fast-check";
import { processWeights } from "../../src/weights/process.ts";
import { quantizeWeights } from "../../src/weights/quantize.ts";

test("halves are rounded to the even number, as Python's round does", () => {
  const uids = [0, 1, 2, 3, 4];
  const { values } = quantizeWeights(uids, Float32Array.of(65_535, 1.5, 2.5, 3.5, 4.5));
  expect(values).toEqual([65_535, 2, 2, 4, 4]);
});

test("the largest is 65535 and what rounds to nothing is left out", () => {
  expect(quantizeWeights([7, 8, 9], Float32Array.of(0.25, 0, 0.000001))).toEqual({
    uids: [7],
    values: [65_535],
  });
});

test("rounding keeps the largest share of the subnet (C10, property)", () => {
  const limit = 6553 / 65_535;
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 256 }),
      (list) => {
        const raw = Float32Array.from(list);
        const { weights, uids } = processWeights({
          uids: [...raw.keys()],
          weights: raw,
          neurons: raw.length,
          minAllowedWeights: 1,
          maxWeightLimit: limit,
          excludeQuantile: 0,
        });
        fc.pre(uids.length * limit > 1);
        const { values } = quantizeWeights(uids, weights, limit);
        fc.pre(values.length * limit > 1);
        const sum = values.reduce((total, value) => total + value, 0);
        // As the chain compares: both sides in I32F32, rounded down.
        const share = Math.floor((65_535 / sum) * 2 ** 32);
        expect(Math.max(...values)).toBe(65_535);
        expect(share).toBeLessThanOrEqual(Math.floor(limit * 2 ** 32));
      },
    ),
    { numRuns: 300 },
  );
});
