/** Odd, so that no place of a word is lost modulo 2^32; two, so that a key has 48 bits. */
const FIRST_BASE = 0x9e3779b1;
const SECOND_BASE = 0x85ebca6b;
const HALF_KEY = 2 ** 24;

/** Two numbers that nobody outside knows, so that no miner can make an n-gram that is taken for another one. */
export interface HashSeeds {
  first: number;
  second: number;
}

export function drawSeeds(): HashSeeds {
  const [first, second] = crypto.getRandomValues(new Uint32Array(2));
  return { first: first!, second: second! };
}

/**
 * Keys of all n-grams of a text, each in a few multiplications whatever its length, from a polynomial hash of the words
 * before every place. Keys are whole numbers from 1 to 2^48 − 1.
 */
export class HashedWords {
  readonly words: readonly string[];
  readonly #first: Lane;
  readonly #second: Lane;

  constructor(words: readonly string[], seeds: HashSeeds) {
    this.words = words;
    this.#first = new Lane(words, seeds.first, FIRST_BASE);
    this.#second = new Lane(words, seeds.second, SECOND_BASE);
  }

  /** Key of the words from `start` to before `end`. */
  key(start: number, end: number): number {
    return keyOf(this.#first.range(start, end), this.#second.range(start, end));
  }

  /** Key of the same words without the one at `left`. */
  keyWithout(start: number, end: number, left: number): number {
    return keyOf(this.#first.rangeWithout(start, end, left), this.#second.rangeWithout(start, end, left));
  }

  /**
   * Keys of all n-grams of `min` to `max` words: those that start at one word stand together, shortest first. 0 where the
   * text ends before the n-gram does.
   */
  keys(min: number, max: number): Float64Array {
    const { length } = this.words;
    const lengths = max - min + 1;
    const keys = new Float64Array(Math.max(0, length - min + 1) * lengths);
    for (let at = 0; at < keys.length; at++) {
      const start = Math.floor(at / lengths);
      const end = start + min + (at % lengths);
      if (end <= length) keys[at] = this.key(start, end);
    }
    return keys;
  }
}

/** Polynomial hashes modulo 2^32 of all beginnings of a list of words. */
class Lane {
  readonly #before: Int32Array;
  readonly #powers: Int32Array;

  constructor(words: readonly string[], seed: number, base: number) {
    this.#before = new Int32Array(words.length + 1);
    this.#powers = new Int32Array(words.length + 1);
    this.#powers[0] = 1;
    for (const [at, word] of words.entries()) {
      this.#before[at + 1] = Math.imul(this.#before[at]!, base) + Bun.hash.xxHash32(word, seed);
      this.#powers[at + 1] = Math.imul(this.#powers[at]!, base);
    }
  }

  range(start: number, end: number): number {
    return (this.#before[end]! - Math.imul(this.#before[start]!, this.#powers[end - start]!)) | 0;
  }

  rangeWithout(start: number, end: number, left: number): number {
    const before = Math.imul(this.range(start, left), this.#powers[end - left - 1]!);
    return (before + this.range(left + 1, end)) | 0;
  }
}

function keyOf(first: number, second: number): number {
  return (mixed(first) >>> 8) * HALF_KEY + (mixed(second) >>> 8) || 1;
}

/** Spreads a number over all 32 bits (the last steps of MurmurHash3). */
function mixed(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
