import { cosine } from "../cosine.ts";
import { above, below } from "../logistic.ts";
import type { Embedded, Given, Work } from "./given.ts";
import { clip, mean, meanDirection, nearest } from "./likeness.ts";
import { ownWording } from "./own-words.ts";

/** Consecutive parts of the text, each of which a summary should touch. */
const PARTS = 5;
/** What a sentence of the text covers beyond this over the average is cover; as large a share of the best is enough. */
const COVER = { start: 0.06, share: 0.75, power: 3 } as const;
/** What a sentence in words of its own is farther from what it covers than one of the text that says the same. */
const REWORDED = 0.17;
/**
 * The sentence that is farthest from the text as a whole. One of the text's own may be as far as that, where the text tells
 * of many things: what is so near to a sentence of it that an answer would not be off the topic counts as near enough.
 */
const STRAY = { middle: 0.18, width: 0.03, sentence: 0.45 } as const;
const FEWEST = { middle: 2.4, width: 0.25 } as const;
/** Sentences given per sentence asked for. */
const MOST = { share: 1.8, width: 0.8 } as const;
/** Two sentences that say the same. */
const SAME = { cosine: 0.93, factor: 0.3 } as const;

/** Sentences of the text, as good as word for word, that are not in its order: drawn, not read. */
const JUMBLED = { cosine: 0.85, fewest: 3, share: 0.4, width: 0.04 } as const;

/** 1 for about as many sentences as were asked for, near 0 for one or two and for twice as many. */
export function hasSummaryLength(count: number, wanted: number = PARTS): number {
  return above(count, FEWEST.middle, FEWEST.width) * below(count, MOST.share * wanted, MOST.width);
}

/** How much of the text's parts a summary covers, 0..1. */
export function fitOfSummary({ source, told, sentences: wanted }: Given, { sentences }: Work): number {
  if (sentences.length === 0) return 0;
  const parts = partsOf(source);
  const allowed = sentences.map(({ text }) => REWORDED * ownWording(text, told));
  const covered = mean(
    parts.map((part) =>
      sentences.reduce((most, { vector }, at) => Math.max(most, cosine(part, vector) + allowed[at]!), -1),
    ),
  );
  const floor = mean(parts.map((part) => mean(source.map(({ vector }) => cosine(part, vector)))));
  const best = mean(parts.map((part) => nearest(part, source)));
  const room = COVER.share * (best - floor - COVER.start);
  const cover = room > 0 ? clip((covered - floor - COVER.start) / room) ** COVER.power : 0;
  const whole = meanDirection(source.map(({ vector }) => vector));
  const stray = sentences.reduce((least, { vector }) => {
    const nearEnough = nearest(vector, source) - STRAY.sentence + STRAY.middle;
    return Math.min(least, Math.max(cosine(vector, whole), nearEnough));
  }, 1);
  return (
    cover *
    above(stray, STRAY.middle, STRAY.width) *
    hasSummaryLength(sentences.length, wanted) *
    below(jumbledShare(sentences, source), JUMBLED.share, JUMBLED.width) *
    (saysTwice(sentences) ? SAME.factor : 1)
  );
}

function partsOf(source: readonly Embedded[]): Float32Array[] {
  const size = source.length / PARTS;
  return Array.from({ length: PARTS }, (_, part) =>
    source.slice(
      Math.floor(part * size),
      Math.max(Math.floor(part * size) + 1, Math.floor((part + 1) * size)),
    ),
  )
    .filter((sentences) => sentences.length > 0)
    .map((sentences) => meanDirection(sentences.map(({ vector }) => vector)));
}

/** Share of the quoted sentences that stand before the one that was quoted last. */
function jumbledShare(sentences: readonly Embedded[], source: readonly Embedded[]): number {
  const places = sentences
    .map(({ vector }) => source.map((one) => cosine(vector, one.vector)))
    .map((likeness) => ({ most: Math.max(...likeness), likeness }))
    .filter(({ most }) => most >= JUMBLED.cosine)
    .map(({ most, likeness }) => likeness.indexOf(most));
  if (places.length < JUMBLED.fewest) return 0;
  return places.slice(1).filter((place, at) => place < places[at]!).length / (places.length - 1);
}

function saysTwice(sentences: readonly Embedded[]): boolean {
  return sentences.some((one, at) => nearest(one.vector, sentences.slice(at + 1)) >= SAME.cosine);
}
