import { isTerm, termsOf } from "../../prompts/sentences.ts";
import { logistic } from "../logistic.ts";
import type { Run, RunSource } from "../masks/borrowed-runs.ts";
import { AUXILIARY } from "../masks/form.ts";
import type { Given } from "./given.ts";
import { clip, nearest } from "./likeness.ts";

/** How a question puts the words that it has from the text. */
export interface Wording {
  /**
   * Share of the text's words with meaning that stand in the largest block: in a row, or a list; 1 where there are none, and
   * where nothing but what can be asked of any text stands between.
   */
  block: number;
  /** Words with meaning that are neither the text's nor about a text as such; may be empty. */
  own: string;
  /** A sentence of the text with its verb put first: "Why is the harbour silted up?" */
  isTurned: boolean;
}

/** What can be asked of any text: that it says something, that things have to do with each other. */
const EMPTY = new Set(
  `text texts passage author article say says said mention mentions mentioned tell tells told speak relation relations
  relationship connection connected role importance important meaning mean means matter matters difference consequence
  consequences problem problems reason reasons true false
  explain explains explained describe describes described discuss discusses discussed`.split(/\s+/),
);
/** What asks, beside the common words that do. */
const WORDS_THAT_ASK = new Set(["why", "whom", "whose", "whether"]);
const VERB = new RegExp(`^(?:${AUXILIARY})$`);
const LISTING = new Set(["and", "or"]);

/**
 * Of a logistic regression that tells questions of people, and sentences turned by their grammar, from words and pieces of sentences
 * in frames; models/README.md, section The judge. A turned verb counts as words of one's own do that are so near.
 */
export const ASKING = { bias: 4.53, block: -7.84, own: 7.97, turned: 0.2 } as const;
/** Its number from which on a question asks enough: four fifths of those of people have more. */
const ENOUGH = 0.6;
/** What a question keeps that asks nothing but has the text's words in it. */
const LEAST = 0.1;

/** Words of a text, told again in their other forms. */
export class Forms {
  readonly sentences: readonly ReadonlySet<string>[];

  constructor(sentences: readonly string[]) {
    this.sentences = sentences.map((sentence) => new Set(termsOf(sentence).map(stemOf)));
  }

  has(word: string): boolean {
    return isTerm(word) && this.sentences.some((stems) => stems.has(stemOf(word)));
  }

  /** The largest share of words that stand in so many sentences in a row, among those that the text has; 1 for one word. */
  togetherShare(words: readonly string[], inARow: number): number {
    const known = [...new Set(words.map(stemOf))].filter((stem) =>
      this.sentences.some((stems) => stems.has(stem)),
    );
    if (known.length < 2) return 1;
    const counts = this.sentences.map((_, at) => {
      const window = this.sentences.slice(at, at + inARow);
      return known.filter((stem) => window.some((stems) => stems.has(stem))).length;
    });
    return Math.max(...counts) / known.length;
  }
}

/** A word without what English puts at its end: rough, since it only tells whether two words are one. */
function stemOf(word: string): string {
  return word
    .replace(/'s?$/, "")
    .replace(/^(.{3,}?)(?:ies|ied|ing|ed|es|s|e|ly|y)$/, "$1")
    .replace(/(.)\1$/, "$1");
}

/** @param found the question's runs of the text */
export function wordingOf(
  { runs, forms }: { runs: RunSource; forms: Forms },
  found: readonly Run[],
): Wording {
  const blocks: number[] = [];
  let isOpen = false;
  let isTurned = false;
  let isEmpty = false;
  const own: string[] = [];
  const earlier = new Set<string>();
  for (const [at, run] of found.entries()) {
    const count = run.words.filter((word) => forms.has(word) && !EMPTY.has(word)).length;
    const previous = found[at - 1];
    const isMoved =
      previous !== undefined &&
      runs.leftOut(previous, run, 1).some(([word = ""]) => VERB.test(word) && earlier.has(word));
    if (isMoved) isTurned = true;
    // A word of the text in another form was put there by whoever asks.
    const isBent = run.isForeign && count > 0;
    // In a row or a list; a small word between, as in "monks of the town", joins as well as any.
    const last = previous?.words.at(-1) ?? "";
    const goesOn = LISTING.has(last) || (isTerm(last) && isTerm(run.words[0]!));
    if (count > 0 && isOpen && goesOn && !isMoved && !isBent) blocks[blocks.length - 1]! += count;
    else if (count > 0) blocks.push(count);
    if (count > 0) isOpen = !isBent;
    else if (!run.words.every((word) => LISTING.has(word))) isOpen = false;
    for (const word of run.words) {
      earlier.add(word);
      if (EMPTY.has(word)) isEmpty = true;
      else if (isTerm(word) && !forms.has(word) && !WORDS_THAT_ASK.has(word) && !VERB.test(word))
        own.push(word);
    }
  }
  const all = blocks.reduce((sum, count) => sum + count, 0);
  const isOne = all === 0 || (isEmpty && own.length === 0 && !isTurned);
  return { block: isOne ? 1 : Math.max(...blocks) / all, own: own.join(" "), isTurned };
}

/**
 * Whether a question asks something with the words that it has from the text, 0..1: they stand apart, joined by words that
 * have to do with the text, or its verb is turned. Words of one sentence in a frame only name what could be asked about.
 * @param own vector of the wording's own words; undefined where there are none
 */
export function askingOf(wording: Wording, own: Float32Array | undefined, source: Given["source"]): number {
  const joined = joinedOf(wording, own, source);
  const asks = logistic(ASKING.bias + ASKING.block * wording.block + ASKING.own * joined);
  return LEAST + (1 - LEAST) * clip(asks / ENOUGH);
}

/** How near to the text its own words are that join the text's. */
export function joinedOf(
  { isTurned }: Wording,
  own: Float32Array | undefined,
  source: Given["source"],
): number {
  return Math.max(own === undefined ? 0 : nearest(own, source), isTurned ? ASKING.turned : 0);
}
