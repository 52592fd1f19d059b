import { describe, expect, test } from "bun:test";
import { missingEvidence, seedScores } from "../../src/weights/evidence.ts";

describe("evidence for the first weights", () => {
  const enough = { head: 100, blocks: 20, epochBlocks: 20, asked: [1, 1, 0, 0] };

  test("is there after an epoch in which half of the miners were asked", () => {
    expect(missingEvidence(enough)).toBeUndefined();
  });

  test("needs the whole epoch, and says until when", () => {
    expect(missingEvidence({ ...enough, blocks: 19 })).toBe("one epoch of steps, until block 101");
  });

  test("needs half of the miners, rounded up", () => {
    expect(missingEvidence({ ...enough, asked: [9, 0, 0] })).toBe("2 of 3 miners asked, 1 were so far");
    expect(missingEvidence({ ...enough, asked: [] })).toBeUndefined();
  });
});

describe("scores from weights on chain", () => {
  test("are in proportion to the weights, the best at 0.5", () => {
    expect([...seedScores(Float32Array.of(0, 65_535, 0, 13_107), 4)]).toEqual([0, 0.5, 0, Math.fround(0.1)]);
  });

  test("leave out uids beyond the subnet, and are zeros without weights", () => {
    expect([...seedScores(Float32Array.of(0, 0, 5), 2)]).toEqual([0, 0]);
    expect([...seedScores(new Float32Array(), 2)]).toEqual([0, 0]);
  });
});
