import { mapInTurns } from "../../base/turn.ts";
import type { Question, Task } from "../../base/vocabulary.ts";
import { isTerm } from "../../prompts/sentences.ts";
import { above, below } from "../logistic.ts";
import type { Mask, MaskVerdict } from "../parts.ts";
import { readingOf } from "../reading.ts";
import { type Run, RunSource } from "./borrowed-runs.ts";

/**
 * 1 for words of one's own and for sentences quoted whole; near 0 for a mosaic of pieces of the source, for the head of
 * one sentence with the tail of another, and for sentences with words left out: what a miner makes that rearranges the
 * text without reading it. Whole quotations are no fault here.
 */
export class BorrowingMask implements Mask {
  readonly name = "borrowing_filter";

  async apply(question: Question, completions: string[]): Promise<MaskVerdict> {
    const reading = readingOf(question);
    if (reading === undefined) return { factors: completions.map(() => 1) };
    const source = new RunSource([...reading.source, reading.question ?? ""]);
    const { splicedWords, ...bounds } = BOUNDS[reading.task];
    const borrowings = await mapInTurns(completions, (text) => borrowingOf(source, text, splicedWords));
    return {
      factors: borrowings.map((borrowing) => factorOf(borrowing, bounds)),
      details: { share: borrowings.map(({ share }) => share), run: borrowings.map(({ run }) => run) },
    };
  }
}

/** What of a completion is the source's. */
export interface Borrowing {
  /** Words. */
  words: number;
  /** Share of the words that stand in runs of two or more, one of them a word with meaning, 0..1. */
  share: number;
  /** Words in the run that a borrowed word stands in, on average: Σ length² / Σ length, whole sentences as long ones. */
  run: number;
  /** Meetings of two runs inside a sentence. */
  seams: number;
  /**
   * Places where runs of three or more words from two different sentences meet, with at most one word between, and ends of
   * sentences that are passed off as whole ones.
   */
  splices: number;
  /** Places where one to three words of a sentence are left out, or another word of the source stands for them. */
  gaps: number;
}

const MIN_SPLICED_WORDS = 3;
/** Words of a sentence's end, its share of what it is passed off as, and words that stand before it. */
const TAIL = { fewestWords: 6, share: 0.8, most: 2 } as const;
const MAX_GAP_WORDS = 3;
/** A sentence that is quoted whole counts as a run of so many words, at least: a short one is no piece of a mosaic. */
const WHOLE_WORDS = 12;

/** @param splicedWords that the longer run of a splice has at least */
export const borrowingOf = (source: RunSource, completion: string, splicedWords?: number): Borrowing =>
  borrowingIn(source, source.runsOf(completion), splicedWords);

/** The same of a completion whose runs were found already. @param sentences by sentence, its runs */
export function borrowingIn(
  source: RunSource,
  sentences: readonly (readonly Run[])[],
  splicedWords: number = MIN_SPLICED_WORDS,
): Borrowing {
  let words = 0;
  let borrowed = 0;
  let squares = 0;
  let seams = 0;
  let splices = 0;
  let gaps = 0;
  for (const runs of sentences) {
    if (runs.length > 0 && isTail(source, runs)) splices++;
    for (const [at, run] of runs.entries()) {
      words += run.length;
      if (!isBorrowed(run)) continue;
      borrowed += run.length;
      squares += run.length * (run.isWhole ? Math.max(run.length, WHOLE_WORDS) : run.length);
      const next = runs[at + 1];
      if (next !== undefined && isBorrowed(next)) seams++;
      const between = next !== undefined && next.length < 2 ? next.words : [];
      const met = between.length > 0 ? runs[at + 2] : next;
      if (met === undefined || met.length < 2) continue;
      if (!next!.isForeign && isGap(source, run, met)) gaps++;
      else if (Math.max(run.length, met.length) >= splicedWords && isSplice(source, run, between, met))
        splices++;
    }
  }
  return {
    words,
    share: borrowed / Math.max(1, words),
    run: squares / Math.max(1, borrowed),
    seams,
    splices,
    gaps,
  };
}

/** Whether a sentence is the end of one of the source, from the midst of a clause on, with little before it, and less than there. */
function isTail(source: RunSource, runs: readonly Run[]): boolean {
  const longest = runs.reduce((most, run) => (run.length > most.length ? run : most), runs[0]!);
  const before = runs.slice(0, runs.indexOf(longest)).reduce((sum, { length }) => sum + length, 0);
  const words = runs.reduce((sum, { length }) => sum + length, 0);
  return (
    longest.length >= TAIL.fewestWords &&
    longest.length >= TAIL.share * words &&
    before <= TAIL.most &&
    source.isTorn(longest, before)
  );
}

/** Two words that stand in the text for its grammar alone ("and the") are nobody's. */
function isBorrowed({ length, words }: Run): boolean {
  return length > 2 || (length === 2 && words.some(isTerm));
}

/** Whether the second run goes on in the same sentence, a few words later. */
function isGap(source: RunSource, run: Run, next: Run): boolean {
  const left = source.leftOut(run, next, MAX_GAP_WORDS);
  // A place where the text goes on just so, but for an aside, is no gap, whatever other places say.
  return left.length > 0 && left.every((words) => words.length > 0);
}

function isSplice(source: RunSource, run: Run, between: readonly string[], next: Run): boolean {
  const own = run.length - Math.max(0, source.reach([...run.words, ...between], next) - between.length);
  if (own < MIN_SPLICED_WORDS || next.length < MIN_SPLICED_WORDS) return false;
  const sentences = new Set(run.places.map(({ sentence }) => sentence));
  return next.places.every(({ sentence }) => !sentences.has(sentence));
}

// Found on 60 asks about texts that no part of the judge was made with; models/README.md, section The judge.
const PROSE = { splicedWords: MIN_SPLICED_WORDS, seams: 5, gaps: 2.6 } as const;
/** Words of the longer run of a splice, seams and gaps. A question may name two things that stand apart in the text. */
const BOUNDS: Readonly<Record<Task, Readonly<Record<keyof typeof PROSE, number>>>> = {
  augment: PROSE,
  answer: PROSE,
  followup: { splicedWords: 6, seams: 8, gaps: 5 },
};
const WIDTH = { seams: 0.6, gaps: 0.25 } as const;
const MOSAIC = { share: 0.75, shareWidth: 0.05, run: 5, runWidth: 0.7 } as const;
const SPLICE = { factor: 0.05, most: 3, least: 0.35, words: 50, fewestWords: 25 } as const;
/** Seams and gaps are counted per 100 words, and in a shorter text as if it had so many. */
const FEWEST_WORDS = 30;

function factorOf(
  { words, share, run, seams, splices, gaps }: Borrowing,
  bounds: { seams: number; gaps: number },
): number {
  const rate = (count: number): number => (100 * count) / Math.max(FEWEST_WORDS, words);
  const whole =
    below(rate(seams), bounds.seams, WIDTH.seams) *
    (1 - above(share, MOSAIC.share, MOSAIC.shareWidth) * below(run, MOSAIC.run, MOSAIC.runWidth));
  // One splice in a long text weighs less than one in a short one.
  const weight = Math.max(SPLICE.least, SPLICE.words / Math.max(SPLICE.fewestWords, words));
  const spliced = SPLICE.factor ** Math.min(SPLICE.most, splices * weight);
  return whole * spliced * below(rate(gaps), bounds.gaps, WIDTH.gaps);
}
