import { expect, test } from "bun:test";
import fc from "fast-check";
import { coverageOf } from "../../src/weights/coverage.ts";

const pace = { miners: 200, sampleSize: 50, stepsPerEpoch: 100, isMeasured: true };

test("an epoch with too few steps for a turn of each miner says so, with the numbers", () => {
  expect(coverageOf({ ...pace, stepsPerEpoch: 3.5 }, false)).toEqual({
    state: "short",
    text: "an epoch has about 3.5 steps of 50 miners, fewer than one turn for each of 200",
  });
  expect(coverageOf({ ...pace, stepsPerEpoch: 3.5, isMeasured: false }, true).text).toStartWith(
    "an epoch has room for at least 3.5 steps",
  );
});

test("an epoch in which some miss their turn by chance says how many, unless they are asked first", () => {
  expect(coverageOf({ ...pace, stepsPerEpoch: 10 }, false)).toEqual({
    state: "chance",
    text: "an epoch has about 10 steps of 50 miners: by chance about 11 of 200 have no turn in it",
  });
  expect(coverageOf({ ...pace, stepsPerEpoch: 10 }, true).state).toBe("full");
});

test("an epoch in which all are asked says so, also of a subnet without miners and of samples larger than it", () => {
  expect(coverageOf(pace, false)).toEqual({
    state: "full",
    text: "an epoch has about 100 steps of 50 miners: every one of 200 has a turn in it",
  });
  expect(coverageOf({ ...pace, miners: 0 }, false).state).toBe("full");
  expect(coverageOf({ ...pace, miners: 4, stepsPerEpoch: 1 }, false).text).toContain("steps of 4 miners");
});

test("more steps, larger samples and asking first never make it worse", () => {
  const order = ["short", "chance", "full"];
  const rank = (...of: Parameters<typeof coverageOf>): number => order.indexOf(coverageOf(...of).state);
  const number = fc.integer({ min: 1, max: 500 });
  fc.assert(
    fc.property(number, number, number, fc.boolean(), (miners, sampleSize, stepsPerEpoch, covers) => {
      const given = { miners, sampleSize, stepsPerEpoch, isMeasured: true };
      const before = rank(given, covers);
      expect(rank({ ...given, stepsPerEpoch: stepsPerEpoch + 1 }, covers)).toBeGreaterThanOrEqual(before);
      expect(rank({ ...given, sampleSize: sampleSize + 1 }, covers)).toBeGreaterThanOrEqual(before);
      expect(rank(given, true)).toBeGreaterThanOrEqual(before);
    }),
  );
});
