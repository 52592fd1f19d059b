import { termsOf, wordsOf } from "../../prompts/sentences.ts";
import { above, below } from "../logistic.ts";
import type { Run, RunSource } from "../masks/borrowed-runs.ts";
import { borrowingIn } from "../masks/borrowing.ts";
import { askingOf, type Forms, type Wording, wordingOf } from "./asked.ts";
import type { Embedded, Given } from "./given.ts";
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
const TOGETHER = { sentences: 2, share: 0.72, width: 0.02, cost: 0.85 } as const;

/** A question with what is of the text in it. */
export interface ReadQuestion extends Embedded {
  /** By sentence. */
  found: Run[][];
  /** Share of its words of the text that stand together in it. */
  together: number;
  wording: Wording;
  /** Vector of its own words; undefined where there are none. */
  own?: Float32Array | undefined;
}

export function readQuestion(
  text: string,
  known: { runs: RunSource; forms: Forms },
): Omit<ReadQuestion, "vector"> {
  const found = known.runs.runsOf(text);
  const together = known.forms.togetherShare(termsOf(text), TOGETHER.sentences);
  return { text, found, together, wording: wordingOf(known, found.flat()) };
}

/** How much a question asks about the text without repeating it, 0..1. */
export function fitOfQuestion(
  { source, runs }: Pick<Given, "source" | "runs">,
  { text, vector, found, together, wording, own }: ReadQuestion,
): number {
  const terms = termsOf(text);
  const shared = terms.filter((term) => runs.has(term)).length / Math.max(1, terms.length);
  const { share } = borrowingIn(runs, found);
  const near = nearest(vector, source) + NEAR.phrases * Math.min(NEAR.most, share);
  const quoted = found.flat().reduce((most, run) => Math.max(most, quotedShare(run, source)), 0);
  return (
    above(near, NEAR.middle, NEAR.width) *
    (1 - COPIED.cost * above(share, COPIED.middle, COPIED.width)) *
    above(shared, ABOUT.middle, ABOUT.width) *
    (1 - TOGETHER.cost * below(together, TOGETHER.share, TOGETHER.width)) *
    below(quoted, QUOTED.share, QUOTED.width) *
    askingOf(wording, own, source)
  );
}

/** Share of a sentence of the text that a run takes up; a few words are no quotation. */
function quotedShare({ length, places }: Run, source: Given["source"]): number {
  if (length < QUOTED.fewestWords) return 0;
  return places.reduce(
    (most, { sentence }) => Math.max(most, length / wordsOf(source[sentence]!.text).length),
    0,
  );
}
