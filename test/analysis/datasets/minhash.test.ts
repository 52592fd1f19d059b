import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NearIndex } from "../../../src/analysis/datasets/minhash.ts";

const WORDS = Array.from({ length: 400 }, (_, at) => `word${at}`);

/** Texts of a seeded stream, with words that are drawn from the list. */
function textOf(seed: number, words: number): string[] {
  let state = seed;
  return Array.from({ length: words }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return WORDS[state % WORDS.length]!;
  });
}

/** Jaccard similarity of the sets of three-word shingles, counted out. */
function similarity(a: readonly string[], b: readonly string[]): number {
  const shingles = (words: readonly string[]) =>
    new Set(words.slice(2).map((_, at) => words.slice(at, at + 3).join(" ")));
  const [x, y] = [shingles(a), shingles(b)];
  const both = [...x].filter((shingle) => y.has(shingle)).length;
  return both / (x.size + y.size - both);
}

describe("texts that are nearly the same", () => {
  test("are found whatever their case, signs and spaces", () => {
    const index = new NearIndex(0.8);
    expect(index.isRepeated("Bees dance to show where flowers are.")).toBe(false);
    expect(index.isRepeated("bees  DANCE, to show: where flowers are")).toBe(true);
    expect(index.isRepeated("Bees sleep at night where flowers are.")).toBe(false);
    expect(index.isRepeated("蜜蜂跳舞告诉同伴花在哪里。")).toBe(false);
    expect(index.isRepeated("蜜蜂跳舞告诉同伴花在哪里")).toBe(true);
    expect(index.isRepeated("!!!")).toBe(false);
    expect(index.isRepeated("!!!")).toBe(true);
    expect(index.isRepeated("???")).toBe(false);
  });

  test("are found by their similarity: all above the line, none below", () => {
    const above: boolean[] = [];
    const below: boolean[] = [];
    for (let seed = 1; seed <= 200; seed++) {
      const first = textOf(seed, 120);
      const changed = [...first];
      const changes = seed % 2 === 0 ? 1 : 30;
      for (let at = 0; at < changes; at++) changed[Math.floor(((at + 0.5) * 120) / changes)] = `new${at}`;
      const index = new NearIndex(0.75);
      index.isRepeated(first.join(" "));
      const isFound = index.isRepeated(changed.join(" "));
      if (changes === 1) {
        expect(similarity(first, changed)).toBeGreaterThan(0.93);
        above.push(isFound);
      } else {
        expect(similarity(first, changed)).toBeLessThan(0.4);
        below.push(isFound);
      }
    }
    expect(above.filter((isFound) => !isFound)).toHaveLength(0);
    expect(below.filter((isFound) => isFound)).toHaveLength(0);
  });

  test("are found among many thousand others, and others are not taken for them", () => {
    const index = new NearIndex(0.8);
    const texts = Array.from({ length: 20_000 }, (_, at) => textOf(at * 2 + 1, 30).join(" "));
    expect(texts.filter((text) => index.isRepeated(text))).toHaveLength(0);
    const again = texts.filter((_, at) => at % 100 === 0);
    expect(again.filter((text) => !index.isRepeated(`${text}!`))).toHaveLength(0);
  });

  test("are any text and the same text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const index = new NearIndex(0.9);
        return !index.isRepeated(text) && index.isRepeated(text);
      }),
    );
  });

  test("a commonplace that comes a hundred thousand times costs no more each time", () => {
    const index = new NearIndex(1);
    const started = performance.now();
    // Alike enough for every bucket, never the same: each one is compared with the bucket's others.
    const common = textOf(1, 300);
    for (let at = 0; at < 4_000; at++) index.isRepeated([...common, `tail${at}`].join(" "));
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
