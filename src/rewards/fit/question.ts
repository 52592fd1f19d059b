import { isTerm, wordsOf } from "../../prompts/sentences.ts";
import { above, below } from "../logistic.ts";
import type { Run } from "../masks/borrowed-runs.ts";
import { borrowingIn } from "../masks/borrowing.ts";
import type { Given, Work } from "./given.ts";
import { nearest } from "./likeness.ts";

/** Likeness to the nearest sentence, and what phrases of the text add to it: words around them say little of the text. */
const NEAR = { middle: 0.37, width: 0.035, phrases: 0.4, most: 0.4 } as const;
/** A sentence of the text with a question mark is no question. */
const COPIED = { middle: 0.9, width: 0.012, cost: 0.98 } as const;
/** A question that quotes more than half of a sentence holds its own answer. */
const QUOTED = { share: 0.65, width: 0.03, fewestWords: 6 } as const;
/** Share of the words with meaning that are the text's own. */
const ABOUT = { middle: 0.15, width: 0.03 } as const;

/**
 * Share of its words of the text that stand together in two neighbouring sentences: words picked from all over the text
 * ask about nothing. A question that takes up the whole text may do so, at a cost.
 */
const TOGETHER = { sentences: 2, fewestWords: 2, share: 0.72, width: 0.02, cost: 0.85 } as const;

/** How much a question is about the text without repeating it, 0..1. */
export function fitOfQuestion({ source, runs }: Given, { text, vector }: Work): number {
  const terms = wordsOf(text).filter(isTerm);
  const shared = terms.filter((term) => runs.has(term)).length / Math.max(1, terms.length);
  const found = runs.runsOf(text);
  const { share } = borrowingIn(runs, found);
  const near = nearest(vector, source) + NEAR.phrases * Math.min(NEAR.most, share);
  const quoted = found.flat().reduce((most, run) => Math.max(most, quotedShare(run, source)), 0);
  return (
    above(near, NEAR.middle, NEAR.width) *
    (1 - COPIED.cost * above(share, COPIED.middle, COPIED.width)) *
    above(shared, ABOUT.middle, ABOUT.width) *
    (1 - TOGETHER.cost * below(togetherShare(source, terms), TOGETHER.share, TOGETHER.width)) *
    below(quoted, QUOTED.share, QUOTED.width)
  );
}

function togetherShare(source: Given["source"], terms: readonly string[]): number {
  const words = source.map(({ text }) => new Set(wordsOf(text)));
  const known = [...new Set(terms)].filter((term) => words.some((sentence) => sentence.has(term)));
  if (known.length < TOGETHER.fewestWords) return 1;
  const counts = words.map((_, at) => {
    const window = words.slice(at, at + TOGETHER.sentences);
    return known.filter((term) => window.some((sentence) => sentence.has(term))).length;
  });
  return Math.max(...counts) / known.length;
}

/** Share of a sentence of the text that a run takes up; a few words are no quotation. */
function quotedShare({ length, places }: Run, source: Given["source"]): number {
  if (length < QUOTED.fewestWords) return 0;
  return places.reduce(
    (most, { sentence }) => Math.max(most, length / wordsOf(source[sentence]!.text).length),
    0,
  );
}
