import { isUnspaced, wordsOf } from "../../prompts/sentences.ts";
import { above, below } from "../logistic.ts";
import { borrowingIn } from "../masks/borrowing.ts";
import { hasAnswerLength } from "./answer.ts";
import type { Given, Work } from "./given.ts";
import { hasSummaryLength } from "./summary.ts";

/** What every answer earns that is one in the language of its text: about as much as honest miners do where answers are read. */
const NEUTRAL = 0.5;
/**
 * Share of the words that the text has too: 0.2 to 0.6 in its own language, also in words of one's own and about another
 * matter, up to 0.05 in another language, and a word more by chance.
 */
const SAME_LANGUAGE = { share: 0.12, words: 1, width: 0.02 } as const;
/**
 * Share of the words that the text has, but not after the word before them here: 0.9 when shuffled, up to 0.6 in prose, and a
 * word or two more by chance.
 */
const APART = { share: 0.7, words: 1.5, width: 0.04 } as const;
/** A sentence of the text with a question mark is no question. */
const COPIED = { share: 0.9, width: 0.02 } as const;
/** Words that the question did not have, and their share. */
const NEW = { share: 0.3, shareWidth: 0.05, count: 2.5, countWidth: 0.4 } as const;

/**
 * How far an answer is one at all, 0..0.5, about a text in a language that the encoder has not learnt: there its likenesses
 * say nothing, and who answers in that language, in the form that was asked for and in no heap of the text's words, earns
 * the same as everybody who does. Nothing tells a good answer from a poor one here.
 */
export function fitOfUnread(
  { task, source, runs, question = "", sentences: wanted }: Given,
  work: Work,
): number {
  const words = wordsOf(work.text);
  if (words.length === 0) return 0;
  const told = new Set(source.flatMap(({ text }) => wordsOf(text)));
  const known = words.filter((word) => told.has(word)).length / words.length;
  const units = unitsOf(work.text);
  const apart = apartShare(
    units,
    source.map(({ text }) => unitsOf(text)),
  );
  const count = work.sentences.length;
  const form = {
    augment: () => hasSummaryLength(count, wanted),
    followup: () => 1 - above(borrowingIn(runs, runs.runsOf(work.text)).share, COPIED.share, COPIED.width),
    answer: () => hasAnswerLength(count) * newness(words, question),
  }[task]();
  return (
    NEUTRAL *
    form *
    above(known, SAME_LANGUAGE.share + SAME_LANGUAGE.words / words.length, SAME_LANGUAGE.width) *
    below(apart, APART.share + APART.words / units.length, APART.width)
  );
}

/** Words, or the letters of a script that does not part words: what a heap can be made of. */
const unitsOf = (text: string): string[] => (isUnspaced(text) ? [...wordsOf(text).join("")] : wordsOf(text));

/** Share of the units that the text has, but not after the one before them. */
function apartShare(units: readonly string[], source: readonly (readonly string[])[]): number {
  const known = new Set(source.flat());
  const pairs = new Set(source.flatMap((sentence) => pairsOf(sentence)));
  const places = pairsOf(units).map((pair, at) => known.has(units[at + 1]!) && !pairs.has(pair));
  return places.filter(Boolean).length / Math.max(1, places.length);
}

const pairsOf = (units: readonly string[]): string[] =>
  units.slice(1).map((unit, at) => `${units[at]} ${unit}`);

function newness(words: readonly string[], question: string): number {
  const asked = new Set(wordsOf(question));
  const fresh = words.filter((word) => !asked.has(word)).length;
  return above(fresh / words.length, NEW.share, NEW.shareWidth) * above(fresh, NEW.count, NEW.countWidth);
}
