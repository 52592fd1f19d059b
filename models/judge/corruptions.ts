import type { Random } from "../../src/localnet/miners/random.ts";

/** Text with its words out of order, as the probe learns to tell it from prose. */

/** A word, and whether the one before it stood before it in the original. */
export interface Placed {
  word: string;
  follows: boolean;
}

export type Corruption = (words: readonly string[], random: Random, others: readonly string[]) => Placed[];

/** The order of the words as it was. */
export const natural: Corruption = (words) => words.map((word) => ({ word, follows: true }));

export const dropped =
  (share: number): Corruption =>
  (words, random) =>
    inOrder(
      words,
      [...words.keys()].filter(() => random() >= share),
    );

/** Runs of up to `size` words in another order. */
export const shuffledRuns =
  (size: number): Corruption =>
  (words, random) => {
    const runs: number[][] = [];
    for (let at = 0; at < words.length; at += size) runs.push([...words.keys()].slice(at, at + size));
    return inOrder(words, shuffle(runs, random).flat());
  };

/** Neighbours that changed places, at a tenth of the words. */
export const swapped: Corruption = (words, random) => {
  const order = [...words.keys()];
  for (let at = 0; at + 1 < order.length; at++)
    if (random() < 0.1) [order[at], order[at + 1]] = [order[at + 1]!, order[at]!];
  return inOrder(words, order);
};

/** Runs of two to nine words from here and from other texts, in turn. */
export const mosaic: Corruption = (words, random, others) => {
  const placed: Placed[] = [];
  const all = [...words, ...others];
  while (placed.length < words.length) {
    const length = 2 + Math.floor(random() * 8);
    const from = Math.floor(random() * Math.max(1, all.length - length));
    for (let at = from; at < Math.min(all.length, from + length); at++)
      placed.push({ word: all[at]!, follows: at > from });
  }
  if (placed[0]) placed[0].follows = true;
  return placed;
};

export const CORRUPTIONS: readonly Corruption[] = [
  dropped(0.08),
  dropped(0.15),
  dropped(0.25),
  dropped(0.4),
  shuffledRuns(1),
  shuffledRuns(2),
  shuffledRuns(3),
  shuffledRuns(4),
  swapped,
  mosaic,
  mosaic,
];

function inOrder(words: readonly string[], order: readonly number[]): Placed[] {
  return order.map((at, place) => ({
    word: words[at]!,
    follows: place === 0 || order[place - 1] === at - 1,
  }));
}

export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [shuffled[at], shuffled[other]] = [shuffled[other]!, shuffled[at]!];
  }
  return shuffled;
}
