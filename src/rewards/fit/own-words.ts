import { isTerm, wordsOf } from "../../prompts/sentences.ts";
import { below } from "../logistic.ts";

/**
 * Share of the words with meaning that the text has too, at which a sentence is half in words of its own. Sentences that
 * people write anew share 0 to 0.6 of them with the text, those with a word changed here and there 0.7 and more.
 */
const SHARED = { middle: 0.58, width: 0.04 } as const;
/** Share of their runs of three letters (Dice) from which on two words are forms of one, or one is the other misspelt. */
const SAME_WORD = 0.6;
const LETTERS = 3;

/** Words of texts that are found again with another ending, another beginning or a letter too many. */
export class KnownWords {
  readonly #words: readonly string[];
  /** By three letters, the words that have them, by their index. */
  readonly #having = new Map<string, number[]>();

  constructor(texts: readonly string[]) {
    this.#words = [...new Set(texts.flatMap(wordsOf).filter(isTerm))];
    for (const [index, word] of this.#words.entries())
      for (const run of runsOf(word)) {
        const having = this.#having.get(run);
        if (having === undefined) this.#having.set(run, [index]);
        else having.push(index);
      }
  }

  has(word: string): boolean {
    const runs = runsOf(word);
    const shared = new Map<number, number>();
    for (const run of runs)
      for (const index of this.#having.get(run) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
    return [...shared].some(
      ([index, count]) => (2 * count) / (runs.size + runsOf(this.#words[index]!).size) >= SAME_WORD,
    );
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
  const terms = wordsOf(sentence)
    .filter(isTerm)
    .filter((word) => asked === undefined || !asked.has(word));
  if (terms.length === 0) return 0;
  return below(terms.filter((word) => told.has(word)).length / terms.length, SHARED.middle, SHARED.width);
}
