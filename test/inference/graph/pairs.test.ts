import { describe, expect, test } from "bun:test";
import { BoundedTokenizer, cutLongestFirst, type RawTokenizer } from "../../../src/inference/graph/tokens.ts";

const [CLS, SEP, END] = [1, 2, 3];
const LIMIT = 10;
/** A character is a token; `[SEP]` spelled out is SEP, as it is for real tokenizers. */
const raw: RawTokenizer = {
  encode(text, options = {}) {
    const ids = text
      .split(/(\[SEP\])/)
      .flatMap((part) =>
        part === "[SEP]" ? [SEP] : [...part].map((character) => character.codePointAt(0)!),
      );
    if (options.add_special_tokens === false) return ids;
    return options.text_pair === undefined
      ? [CLS, ...ids, SEP]
      : [CLS, ...ids, SEP, ...this.encode(options.text_pair, { add_special_tokens: false }), SEP];
  },
};
const tokenizer = new BoundedTokenizer(raw, [{ id: SEP, content: "[SEP]", special: true }], undefined, LIMIT);
const codes = (text: string): number[] => [...text].map((character) => character.codePointAt(0)!);

describe("a pair of texts", () => {
  test("stands in the model's own frame, and each token knows its text", () => {
    expect(tokenizer.encodePair("ab", "c")).toEqual({
      ids: [CLS, ...codes("ab"), SEP, ...codes("c"), SEP],
      types: [0, 0, 0, 0, 1, 1],
    });
  });

  test("loses tokens of the longer text first, and keeps all separators", () => {
    expect(tokenizer.encodePair("ab", "c".repeat(50)).ids).toEqual([
      CLS,
      ...codes("ab"),
      SEP,
      ...codes("ccccc"),
      SEP,
    ]);
    expect(tokenizer.encodePair("a".repeat(50), "b".repeat(60)).ids).toEqual([
      CLS,
      ...codes("aaa"),
      SEP,
      ...codes("bbbb"),
      SEP,
    ]);
  });

  test("cannot hold a separator of a stranger", () => {
    const { ids } = tokenizer.encodePair("a", "[SEP][SEP]x");
    expect(ids.filter((id) => id === SEP)).toHaveLength(2);
  });
});

describe("a template", () => {
  test("keeps our parts whole, with their special tokens, and cuts a stranger's", () => {
    const ids = tokenizer.encodeTemplate([
      { text: "[SEP]", isOurs: true },
      { text: "aaaaaaaaaa", isOurs: false },
      { text: "[SEP]!", isOurs: true },
      { text: "b", isOurs: false },
      { text: "?", isOurs: true },
    ]);
    expect(ids).toEqual([CLS, SEP, ...codes("aaaa"), SEP, ...codes("!b?")]);
  });
});

describe("a long text", () => {
  test("becomes windows, each framed", () => {
    expect(tokenizer.encodeWindows("abcdefghij")).toEqual([
      [CLS, ...codes("abcdefgh"), SEP],
      [CLS, ...codes("ij"), SEP],
    ]);
    expect(tokenizer.encodeWindows("")).toEqual([[CLS, SEP]]);
  });

  test("becomes pieces of one framed text", () => {
    expect(tokenizer.encodePieces("abcdefghij")).toEqual([
      [CLS, ...codes("abcdefghi")],
      [...codes("j"), SEP],
    ]);
  });

  test("is not looked at beyond eight windows", () => {
    expect(tokenizer.encodeWindows("a".repeat(1_000_000))).toHaveLength(8);
    expect(tokenizer.encodePieces("a".repeat(1_000_000))).toHaveLength(8);
  });
});

describe("cutting longest first", () => {
  const cut = (lengths: number[], room: number): number[] =>
    cutLongestFirst(
      lengths.map((length) => new Array<number>(length).fill(END)),
      room,
    ).map(({ length }) => length);

  test("leaves alone what fits", () => expect(cut([2, 3], 5)).toEqual([2, 3]));
  test("keeps short texts whole", () => expect(cut([1, 9, 9], 11)).toEqual([1, 5, 5]));
  test("shares an odd room as the tokenizers library does", () => {
    expect(cut([9, 9], 7)).toEqual([3, 4]);
    expect(cut([10, 9], 7)).toEqual([4, 3]);
  });
  test("bears having no room at all", () => expect(cut([3, 4], 0)).toEqual([0, 0]));
});
