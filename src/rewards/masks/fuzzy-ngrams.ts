import { editDistance } from "../../base/edit-distance.ts";
import { HashedWords, type HashSeeds } from "./ngrams.ts";

/** Share of the characters that may differ (text-prompting 2.1.6: a partial ratio of 90 % passes for the same). */
const MAX_DIFFERENCE = 0.1;
/** Near misses of one text whose words are compared letter by letter: 1 ms; beyond it only exact forms are found. */
const MAX_COMPARISONS = 2000;

interface Listed {
  key: number;
  words: readonly string[];
  /** Characters, with one between two words. */
  characters: number;
}

/** Where a listed n-gram and a part of a text are the same but for one word, or altogether. */
interface Place {
  id: number;
  /** Word that the other side lacks or has otherwise; undefined for the whole n-gram. */
  left: number | undefined;
}

/**
 * Finds n-grams in texts where one word was changed, added or left out and 90 % of the characters are still the same.
 * Both sides are looked up by the keys of what is left without any one word, so the work grows with the text and not
 * with the number of n-grams.
 */
export class FuzzyNgrams {
  readonly #listed: Listed[];
  readonly #places = new Map<number, Place[]>();
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;

  constructor(ngrams: Iterable<readonly [key: number, words: readonly string[]]>, seeds: HashSeeds) {
    this.#listed = [...ngrams].map(([key, words]) => ({ key, words, characters: words.join(" ").length }));
    for (const [id, { words }] of this.#listed.entries()) {
      const hashed = new HashedWords(words, seeds);
      this.#note(hashed.key(0, words.length), { id, left: undefined });
      for (let left = 0; left < words.length; left++)
        this.#note(hashed.keyWithout(0, words.length, left), { id, left });
      this.#shortest = Math.min(this.#shortest, words.length - 1);
      this.#longest = Math.max(this.#longest, words.length + 1);
    }
  }

  #note(key: number, place: Place): void {
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [place]);
    else places.push(place);
  }

  /**
   * Keys of the n-grams that a text has in fuzzy or exact form; one may come several times.
   * @param part words among which a form starts, and near misses of them that are compared
   */
  *find(
    text: HashedWords,
    {
      from = 0,
      to = Number.POSITIVE_INFINITY,
      maxComparisons = MAX_COMPARISONS,
    }: { from?: number; to?: number; maxComparisons?: number } = {},
  ): Generator<number> {
    let comparisons = 0;
    const { length } = text.words;
    for (let start = from; start < to && start + this.#shortest <= length; start++)
      for (let end = start + this.#shortest; end <= Math.min(length, start + this.#longest); end++)
        for (let left = start - 1; left < end; left++) {
          // First the whole part of the text, then the part without each of its words.
          const key = left < start ? text.key(start, end) : text.keyWithout(start, end, left);
          for (const { id, left: other } of this.#places.get(key) ?? []) {
            if (++comparisons > maxComparisons) return;
            const { key: found, words, characters } = this.#listed[id]!;
            const edits = difference(
              left < start ? undefined : text.words[left],
              other === undefined ? undefined : words[other],
              left - start === other,
            );
            if (edits <= characters * MAX_DIFFERENCE) yield found;
          }
        }
  }
}

/** Characters by which two lists of words differ that are equal without these two words. */
function difference(mine: string | undefined, theirs: string | undefined, isSamePlace: boolean): number {
  if (mine !== undefined && theirs !== undefined && isSamePlace) return editDistance(mine, theirs);
  // A word and the space beside it.
  return (mine === undefined ? 0 : mine.length + 1) + (theirs === undefined ? 0 : theirs.length + 1);
}
