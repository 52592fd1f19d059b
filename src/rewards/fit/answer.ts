import { termsOf, wordsOf } from "../../prompts/sentences.ts";
import { cosine } from "../cosine.ts";
import { above, below } from "../logistic.ts";
import type { Given, Work } from "./given.ts";
import { clip, mean, meanDirection, nearest } from "./likeness.ts";
import { ownWording } from "./own-words.ts";

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
/**
 * An answer in words of its own, read as a whole. `near`: its likeness to the telling sentences and to the question, less its
 * likeness to any sentence, against that of the best sentence. `told`: what of its likeness to the telling sentences is left
 * when that to the question is taken out, and `some` the same to the nearest sentence: remarks about the question's own
 * words are near to what tells, and say nothing of it. Each says nothing below its first number and enough from the second on.
 */
const REWORDED = {
  question: 0.5,
  any: 0.5,
  near: [0.22, 0.45],
  told: [0.02, 0.16],
  some: [0.2, 0.4],
  own: 0.65,
  ownWidth: 0.06,
} as const;
/** Sentences of the text that an answer may repeat, as many as these or this share of them: half of a short text answers anything. */
const REPEATED = { cosine: 0.85, count: 3.5, share: 0.3, width: 0.15 } as const;
const MOST_SENTENCES = { middle: 6.5, width: 0.5 } as const;
/** Sentences that are near to nothing in the text. */
const STRAY = { fit: 0.12, cosine: 0.45, share: 0.6, width: 0.05 } as const;
/** Sentences that are of little use. */
const LOOSE = { fit: 0.2, share: 0.6, width: 0.05, cost: 0.6 } as const;

/** 1 for at most six sentences, near 0 for more. */
export function hasAnswerLength(count: number): number {
  return below(count, MOST_SENTENCES.middle, MOST_SENTENCES.width);
}

/** How much of what the text says about the question an answer says, 0..1. */
export function fitOfAnswer(
  { source, runs, told, asked, askedWords, question = "" }: Given,
  { sentences }: Work,
): number {
  if (asked === undefined || sentences.length === 0) return 0;
  const known = new Set(wordsOf(question));
  const shared = sharedWords(source, known);
  const most = Math.max(...shared) || 1;
  const likenesses = source.map(({ vector }) => cosine(asked, vector));
  const weights = softmax(
    likenesses.map((likeness, at) => (likeness + (SAME_WORDS * shared[at]!) / most) / TEMPERATURE),
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
    const fresh = newness(text, known, runs);
    return {
      fit,
      fresh,
      own: ownWording(text, told, askedWords),
      vector,
      said: clip(fit / ENOUGH) * fresh,
      isStray: fit < STRAY.fit && nearest(vector, source) < STRAY.cosine,
    };
  });
  const shareOf = (is: (one: (typeof fits)[number]) => boolean): number =>
    fits.filter(is).length / fits.length;
  const quoted =
    Math.max(...fits.map(({ said }) => said)) ** POWER *
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
        ));
  const nearness = (vector: Float32Array): number => {
    const toQuestion = cosine(vector, asked);
    const toSource = source.map((sentence) => cosine(vector, sentence.vector));
    const beyond = toSource.map((likeness, at) => beyondLikeness(likeness, toQuestion, likenesses[at]!));
    const told = beyond.reduce((sum, likeness, at) => sum + weights[at]! * likeness, 0);
    const near = towards(vector) + REWORDED.question * toQuestion - REWORDED.any * mean(toSource);
    return (
      between(near / best, REWORDED.near) *
      between(told, REWORDED.told) *
      between(Math.max(...beyond), REWORDED.some)
    );
  };
  return (
    Math.max(quoted, best > 0 ? saidAnew(fits, nearness) ** POWER : 0) *
    hasAnswerLength(sentences.length) *
    below(
      sentences.filter(({ vector }) => nearest(vector, source) >= REPEATED.cosine).length,
      Math.max(REPEATED.count, REPEATED.share * source.length),
      REPEATED.width,
    )
  );
}

/** Likeness of two vectors without what either has of a third (a partial correlation), from the three likenesses. */
function beyondLikeness(ofBoth: number, toThird: number, otherToThird: number): number {
  const left = (1 - toThird ** 2) * (1 - otherToThird ** 2);
  return left > 0 ? (ofBoth - toThird * otherToThird) / Math.sqrt(left) : 0;
}

function between(value: number, [none, all]: readonly [number, number]): number {
  return clip((value - none) / (all - none));
}

/** A sentence of an answer: how much in it the question did not have, and how far it is in words of its own. */
interface Said {
  vector: Float32Array;
  fresh: number;
  own: number;
}

/** How much an answer in words of its own says, 0..1; what only takes up the question counts for nothing in it. */
function saidAnew(said: readonly Said[], nearness: (vector: Float32Array) => number): number {
  const fresh = said.reduce((sum, one) => sum + one.fresh, 0);
  const own = said.reduce((sum, one) => sum + one.fresh * one.own, 0) / fresh;
  const whole = meanDirection(said.map(({ vector, fresh }) => vector.map((number) => number * fresh)));
  return (
    nearness(whole) * Math.max(...said.map((one) => one.fresh)) * above(own, REWORDED.own, REWORDED.ownWidth)
  );
}

/** For each sentence, how much of the question's words with meaning it has: rare ones of the text tell most. */
function sharedWords(source: Given["source"], known: ReadonlySet<string>): number[] {
  const words = source.map(({ text }) => new Set(termsOf(text).filter((word) => known.has(word))));
  const weightOf = (word: string): number =>
    Math.log(1 + source.length / words.filter((sentence) => sentence.has(word)).length);
  return words.map((sentence) => [...sentence].reduce((sum, word) => sum + weightOf(word), 0));
}

function newness(text: string, known: ReadonlySet<string>, told: Given["runs"]): number {
  const terms = termsOf(text);
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
