import { expect, test } from "bun:test";
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
