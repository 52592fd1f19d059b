import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Pooling, padBatch, planBatches, pool } from "../../../src/inference/graph/batches.ts";

const LIMITS = { maxTokens: 64, widthStep: 8 };

describe("planning batches", () => {
  test("puts texts of like length together, shortest first", () => {
    const batches = planBatches([30, 5, 29, 6, 7], LIMITS);
    expect(batches).toEqual([
      { rows: [1, 3, 4], width: 8 },
      { rows: [2, 0], width: 32 },
    ]);
  });

  test("names every text once, covers its length and keeps to the limit", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 256 }), { maxLength: 80 }),
        fc.constantFrom(8, 32),
        fc.constantFrom(64, 512, 4096),
        (lengths, widthStep, maxTokens) => {
          const batches = planBatches(lengths, { maxTokens, widthStep });
          const rows = batches.flatMap((batch) => batch.rows);
          expect(rows.toSorted((a, b) => a - b)).toEqual(lengths.map((_, row) => row));
          for (const batch of batches) {
            expect(batch.width % widthStep).toBe(0);
            for (const row of batch.rows) expect(batch.width).toBeGreaterThanOrEqual(lengths[row]!);
            if (batch.rows.length > 1) expect(batch.rows.length * batch.width).toBeLessThanOrEqual(maxTokens);
          }
        },
      ),
    );
  });

  test("takes fewer long rows at once where attention would need too large a buffer", () => {
    const of = (length: number, prefix = 0): number =>
      planBatches(new Array(40).fill(length), {
        maxTokens: 1e6,
        maxScores: 2 ** 20,
        widthStep: 32,
        prefix,
      })[0]!.rows.length;
    expect(of(128)).toBe(40);
    expect(of(256)).toBe(16);
    expect(of(512)).toBe(4);
    expect(of(512, 512)).toBe(2);
    // One row is run whatever it takes.
    expect(of(2048)).toBe(1);
  });

  test("leaves room for a prefix in each row and in each run", () => {
    const lengths = Array.from({ length: 40 }, () => 28);
    const limits = { maxTokens: 512, widthStep: 32, maxWidth: 250, prefix: 222 };
    const batches = planBatches(lengths, limits);
    // 28 positions are left; 8 rows of 250 tokens are what four times 512 hold.
    expect(batches.map(({ width }) => width)).toEqual(batches.map(() => 28));
    expect(batches.map(({ rows }) => rows.length)).toEqual([8, 8, 8, 8, 8]);
  });

  test("pads no text of many tokens to more than a third over its own width", () => {
    const lengths = Array.from({ length: 200 }, (_, row) => 1 + ((row * 37) % 256));
    for (const { rows, width } of planBatches(lengths, { maxTokens: 1e6, widthStep: 8 }))
      for (const row of rows) expect(width).toBeLessThanOrEqual(Math.max(8, (lengths[row]! + 7) * 1.34));
  });
});

describe("a batch", () => {
  test("is padded at the end of each row, with a mask over what is text", () => {
    const { inputIds, attentionMask } = padBatch([[9], [1, 2, 3], [4, 5]], { rows: [1, 2], width: 4 });
    expect([...inputIds]).toEqual([1n, 2n, 3n, 0n, 4n, 5n, 0n, 0n]);
    expect([...attentionMask]).toEqual([1n, 1n, 1n, 0n, 1n, 1n, 0n, 0n]);
  });

  test("of rows that go on from a cache has a mask over that as well", () => {
    const { inputIds, attentionMask } = padBatch([[9], [1, 2]], { rows: [0, 1], width: 2 }, 3);
    expect([...inputIds]).toEqual([9n, 0n, 1n, 2n]);
    expect([...attentionMask]).toEqual([1n, 1n, 1n, 1n, 0n, 1n, 1n, 1n, 1n, 1n]);
  });

  describe("is pooled over its text only", () => {
    const padding = [1e9, 1e9];
    const hidden = Float32Array.from([...[7, 7], ...[7, 7], ...padding, ...[2, 1], ...[4, 7], ...padding]);
    const pooled = (length: number, pooling: Pooling): number[] => {
      const into = new Float32Array(2);
      pool(hidden, { row: 1, width: 3, length }, pooling, into);
      return [...into].map((number) => Number(number.toFixed(6)));
    };

    // Mean (3, 4), whose length is 5.
    test("to the mean", () => expect(pooled(2, { pooling: "mean", normalize: false })).toEqual([3, 4]));
    test("to the mean, of length 1", () =>
      expect(pooled(2, { pooling: "mean", normalize: true })).toEqual([0.6, 0.8]));
    test("to the last token", () => expect(pooled(2, { pooling: "last", normalize: false })).toEqual([4, 7]));
    test("to nothing where there is no token", () => {
      expect(pooled(0, { pooling: "last", normalize: true })).toEqual([0, 0]);
      expect(pooled(0, { pooling: "mean", normalize: true })).toEqual([0, 0]);
    });
  });
});
