import { describe, expect, test } from "bun:test";
import { meanDisorder } from "../../../src/inference/graph/word-order.ts";
import { findWordStarts } from "../../../src/inference/graph/word-starts.ts";

const tokenizer = (model: object): Uint8Array => new TextEncoder().encode(JSON.stringify({ model }));

describe("tokens that begin a word", () => {
  test("are those that go on with none, and no marks", () => {
    const vocab = { "[CLS]": 0, ".": 1, sea: 2, "##son": 3, "8": 4, été: 5, "'": 6 };
    const isStart = findWordStarts(tokenizer({ type: "WordPiece", continuing_subword_prefix: "##", vocab }));
    expect(Object.values(vocab).filter(isStart).sort()).toEqual([2, 4, 5]);
  });

  test("are not guessed of another kind of tokenizer", () => {
    expect(() => findWordStarts(tokenizer({ type: "BPE", vocab: {} }))).toThrow();
  });
});

describe("disorder", () => {
  const isStart = (id: number): boolean => id > 9;

  test("is the mean over the words of one row of a batch", () => {
    const numbers = Float32Array.of(9, 9, 9, 9, 0.9, 0.25, 0.9, 0.75);
    expect(meanDisorder(numbers, 4, { index: 1, ids: [1, 10, 2, 11], isStart })).toBe(0.5);
    expect(meanDisorder(numbers, 4, { index: 1, ids: [1, 10], isStart })).toBe(0.25);
  });

  test("is none in a text without a word", () => {
    expect(meanDisorder(Float32Array.of(1, 1), 2, { index: 0, ids: [1, 2], isStart })).toBe(0);
  });
});
