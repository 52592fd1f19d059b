import { termsOf } from "../../prompts/sentences.ts";
import { below } from "../logistic.ts";

/**
 * Share of the words with meaning that the text has too, at which a sentence is half in words of its own. Sentences that
 * people write anew share 0 to 0.6 of them with the text, those with a word changed here and there 0.7 and more.
 */
const SHARED = { middle: 0.58, width: 0.04 } as const;
/** Share of their runs of three letters (Dice) from which on two words are forms of one, or one is the other misspelt. */
const SAME_WORD = 0.6;
const LETTERS = 3;

/** A sentence that people write has no more words with meaning; others are read by their beginning. */
const MOST_TERMS = 64;

/** Words of texts that are found again with another ending, another beginning or a letter too many. */
export class KnownWords {
  readonly #words: ReadonlySet<string>;
  /** Runs of letters that each word has, by its index. */
  readonly #sizes: readonly number[];
  /** By three letters, the words that have them, by their index. */
  readonly #having = new Map<string, number[]>();

  constructor(texts: readonly string[]) {
    this.#words = new Set(texts.flatMap(termsOf));
    const runs = [...this.#words].map(runsOf);
    this.#sizes = runs.map(({ size }) => size);
    for (const [index, ofWord] of runs.entries())
      for (const run of ofWord) {
        const having = this.#having.get(run);
        if (having === undefined) this.#having.set(run, [index]);
        else having.push(index);
      }
  }

  has(word: string): boolean {
    if (this.#words.has(word)) return true;
    const runs = runsOf(word);
    const shared = new Map<number, number>();
    for (const run of runs)
      for (const index of this.#having.get(run) ?? []) {
        const count = (shared.get(index) ?? 0) + 1;
        if ((2 * count) / (runs.size + this.#sizes[index]!) >= SAME_WORD) return true;
        shared.set(index, count);
      }
    return false;
  }
}

/** Runs of three letters of a word with its ends. */
function runsOf(word: string): ReadonlySet<string> {
  const ended = ` ${word} `;
  return new Set(
    Array.from({ length: ended.length - LETTERS + 1 }, (_, at) => ended.slice(at, at + LETTERS)),
  );
}

/**
 * How far a sentence says something in words of its own, 0..1. Such a one is farther from the sentences that it stands for
 * than a quotation is, and is to be measured with another bar.
 * @param told words of the text
 * @param asked words of the question, which anybody may take up
 */
export function ownWording(sentence: string, told: KnownWords, asked?: KnownWords): number {
  const terms = termsOf(sentence)
    .slice(0, MOST_TERMS)
    .filter((word) => asked === undefined || !asked.has(word));
  if (terms.length === 0) return 0;
  return below(terms.filter((word) => told.has(word)).length / terms.length, SHARED.middle, SHARED.width);
}
