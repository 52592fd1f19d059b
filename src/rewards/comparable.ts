import { normalizedBeginning } from "./normalized-text.ts";

/**
 * Characters of the normalised text that are compared. NFKD makes up to 18 characters of one, so a short text can be dear:
 * this many take some 3 ms. Four characters of the longest completion, which is what a Korean one needs.
 */
const MAX_COMPARED_CHARACTERS = 65_536;
/** No word is longer; what follows is a trick to make comparing dear. */
const MAX_WORD_CHARACTERS = 32;

/** Cyrillic and Greek letters that look like Latin ones (Unicode confusables), in lower case. */
const LOOK_ALIKES: Record<string, string> = Object.fromEntries(
  [..."аеорсухіјѕһԁԛԝνοαιτρκυ"].map((letter, index) => [letter, "aeopcyxijshdqwvoaitpku"[index]!]),
);

/** A word, or one sign of a script that puts no spaces between words. */
const WORD =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]|[[\p{L}\p{N}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]]+/gv;

/** Letters and digits of a text in one form; the trimmed text itself when it has none. */
export function comparable(text: string): string {
  const letters = lowered(text).replace(/[^\p{L}\p{N}]+/gu, "");
  return letters === "" ? text.trim() : alike(letters);
}

/**
 * The first words of a text in one form: neither case, punctuation, accents nor letters that only look Latin make a
 * difference. Words are cut to 32 characters.
 */
export function comparableWords(text: string, maxWords: number): string[] {
  // Accents, soft hyphens and apostrophes stand inside words and do not part them.
  const joined = alike(lowered(text).replace(/[\p{M}\p{Cf}'’]+/gu, ""));
  const words: string[] = [];
  for (const [word] of joined.matchAll(WORD)) {
    if (words.length === maxWords) break;
    words.push(word.slice(0, MAX_WORD_CHARACTERS));
  }
  return words;
}

function lowered(text: string): string {
  return normalizedBeginning(text, "NFKD", MAX_COMPARED_CHARACTERS).toLowerCase();
}

function alike(text: string): string {
  return text.replace(/[\u0370-\u052f]/g, (letter) => LOOK_ALIKES[letter] ?? letter);
}
