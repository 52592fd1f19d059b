/** Longest text kept: four times what 30 long sentences need, so that 10 000 texts fit in memory. */
const MAX_CHARACTERS = 20_000;
/** A summary of 4 sentences (templates.ts) needs at least as many to choose from. */
const MIN_FULL_STOPS = 4;
const MIN_CHARACTERS = 200;
/** Prose is mostly letters and spaces; tables, code and encoded bytes are not. */
const MIN_LETTER_SHARE = 0.7;
/** More tags than this per character is markup, not prose that mentions some. */
const MAX_TAG_SHARE = 1 / 300;

/**
 * Makes a text of a dataset fit to be asked about, or says that it is not: bounded, without control characters, prose.
 * @returns undefined for anything else: not a string, empty, too short, without full stops, markup, figures
 */
export function usablePassage(raw: unknown): string | undefined {
  if (typeof raw !== "string") return undefined;
  // Cut first: what follows runs over a bounded text even when the row has 50 MB.
  const text = raw
    .slice(0, MAX_CHARACTERS)
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n\t]|\p{Co}|\uFFFD|\uFEFF/gu, "")
    .replace(/[^\S\n]+/g, " ")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  if (text.length < MIN_CHARACTERS) return undefined;
  if (count(text, /\./g) < MIN_FULL_STOPS) return undefined;
  if (text.replace(/[^\p{L}\p{M} ]+/gu, "").length < text.length * MIN_LETTER_SHARE) return undefined;
  if (count(text, /<[a-z/!]/gi) > text.length * MAX_TAG_SHARE) return undefined;
  return text;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
