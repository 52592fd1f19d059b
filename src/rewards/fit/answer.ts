import { isTerm, wordsOf } from "../../prompts/sentences.ts";
import { cosine } from "../cosine.ts";
import { above, below } from "../logistic.ts";
import type { Given, Work } from "./given.ts";
import { clip, nearest } from "./likeness.ts";

/** How sharply the sentences of the text are told apart by their likeness to the question. */
const TEMPERATURE = 0.05;
/** What the question's words with meaning add to that in the same measure, the rarer of them more. */
const SAME_WORDS = 0.4;
/** What the neighbour of a telling sentence counts. */
const NEIGHBOUR = 0.2;
/** What likeness to the telling sentences together counts, against likeness to one of them. */
const TOGETHER = 0.5;
/** A sentence as near as this share of the best says enough. */
const ENOUGH = 0.6;
const POWER = 1.5;
/**
 * Words with meaning that the question did not have: an answer that only turns the question round says nothing. Two of the
 * text's own are enough; a word that the text does not have either counts half, since anybody can add some.
 */
const NEW = { share: 0.25, shareWidth: 0.07, count: 1.5, countWidth: 0.5, foreign: 0.5 } as const;
const MOST_SENTENCES = { middle: 6.5, width: 0.5 } as const;
/** Sentences that are near to nothing in the text. */
const STRAY = { fit: 0.12, cosine: 0.45, share: 0.6, width: 0.05 } as const;
/** Sentences that are of little use. */
const LOOSE = { fit: 0.2, share: 0.6, width: 0.05, cost: 0.6 } as const;

/** How much of what the text says about the question an answer says, 0..1. */
export function fitOfAnswer({ source, runs, asked, question = "" }: Given, { sentences }: Work): number {
  if (asked === undefined || sentences.length === 0) return 0;
  const known = new Set(wordsOf(question));
  const shared = sharedWords(source, known);
  const most = Math.max(...shared) || 1;
  const weights = softmax(
    source.map(({ vector }, at) => (cosine(asked, vector) + (SAME_WORDS * shared[at]!) / most) / TEMPERATURE),
  );
  const near = weights.map(
    (weight, at) => weight + NEIGHBOUR * ((weights[at - 1] ?? 0) + (weights[at + 1] ?? 0)),
  );
  const top = Math.max(...near);
  const towards = (vector: Float32Array): number =>
    source.reduce((sum, sentence, at) => sum + weights[at]! * cosine(vector, sentence.vector), 0);
  const own = source.map(({ vector }) => towards(vector)).sort((a, b) => a - b);
  const base = own[Math.floor(own.length / 2)]!;
  const best = own.at(-1)!;
  const fits = sentences.map(({ vector, text }) => {
    const single = source.reduce((most, sentence, at) => {
      const likeness = clip((cosine(vector, sentence.vector) - base) / (1 - base));
      return Math.max(most, (near[at]! * likeness) / top);
    }, 0);
    const fit = Math.max(single, best > base ? TOGETHER * clip((towards(vector) - base) / (best - base)) : 0);
    return {
      fit,
      said: clip(fit / ENOUGH) * newness(text, known, runs),
      isStray: fit < STRAY.fit && nearest(vector, source) < STRAY.cosine,
    };
  });
  const shareOf = (is: (one: (typeof fits)[number]) => boolean): number =>
    fits.filter(is).length / fits.length;
  return (
    Math.max(...fits.map(({ said }) => said)) ** POWER *
    below(sentences.length, MOST_SENTENCES.middle, MOST_SENTENCES.width) *
    below(
      shareOf(({ isStray }) => isStray),
      STRAY.share,
      STRAY.width,
    ) *
    (1 -
      LOOSE.cost *
        above(
          shareOf(({ fit }) => fit < LOOSE.fit),
          LOOSE.share,
          LOOSE.width,
        ))
  );
}

/** For each sentence, how much of the question's words with meaning it has: rare ones of the text tell most. */
function sharedWords(source: Given["source"], known: ReadonlySet<string>): number[] {
  const words = source.map(
    ({ text }) => new Set(wordsOf(text).filter((word) => isTerm(word) && known.has(word))),
  );
  const weightOf = (word: string): number =>
    Math.log(1 + source.length / words.filter((sentence) => sentence.has(word)).length);
  return words.map((sentence) => [...sentence].reduce((sum, word) => sum + weightOf(word), 0));
}

function newness(text: string, known: ReadonlySet<string>, told: Given["runs"]): number {
  const terms = wordsOf(text).filter(isTerm);
  const fresh = terms
    .filter((term) => !known.has(term))
    .reduce((sum, term) => sum + (told.has(term) ? 1 : NEW.foreign), 0);
  return (
    above(fresh / Math.max(1, terms.length), NEW.share, NEW.shareWidth) *
    above(fresh, NEW.count, NEW.countWidth)
  );
}

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
