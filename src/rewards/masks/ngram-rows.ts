import type { Rows } from "../../base/vocabulary.ts";

/** Tables of the blacklist of n-grams in the state. */
export const COUNTS = "ngram_counts";
export const PHRASES = "ngram_phrases";

/** Numbers in a row of the state, which holds 4096 at most: 682 n-grams of six (lossy-counter.ts). */
const PACKED = 682 * 6;

/** Many short rows, none of which is all zeros, in few long ones: the state keeps these with less around them. */
export function packedRows(numbers: Float32Array): Map<number, Float32Array> {
  const rows = new Map<number, Float32Array>();
  for (let at = 0; at < numbers.length; at += PACKED) {
    const row = new Float32Array(PACKED);
    row.set(numbers.subarray(at, at + PACKED));
    rows.set(rows.size, row);
  }
  return rows;
}

/**
 * @param width numbers in one of the short rows
 * @returns undefined when a row is not one of ours
 */
export function unpackedRows(rows: Rows, width: number): Float32Array | undefined {
  const parts = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
  if (parts.some(({ length }) => length !== PACKED)) return undefined;
  const numbers = new Float32Array(parts.length * PACKED);
  for (const [index, part] of parts.entries()) numbers.set(part, index * PACKED);
  const used = numbers.findLastIndex((value) => value !== 0) + 1;
  return numbers.subarray(0, Math.ceil(used / width) * width);
}

/** Phrases as the codes of their characters: rows hold numbers alone. No word has white space. */
export function phraseRows(phrases: readonly (readonly string[])[]): Map<number, Float32Array> {
  const text = phrases.map((words) => words.join(" ")).join("\n");
  return packedRows(Float32Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)));
}

/** @returns undefined when a row is not one of ours */
export function phrasesOf(rows: Rows): string[][] | undefined {
  const codes = unpackedRows(rows, 1);
  if (codes === undefined) return undefined;
  if (codes.length === 0) return [];
  let text = "";
  for (const code of codes) text += String.fromCharCode(code);
  return text.split("\n").map((phrase) => phrase.split(" "));
}
