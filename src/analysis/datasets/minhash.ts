/**
 * Finds texts that are nearly the same as one before: MinHash (Broder, 1997) with locality-sensitive bands. 64 hashes in
 * 16 bands of four: a pair of similarity 0.8 shares a band with probability 0.9998, one of 0.5 with 0.64, and what shares
 * one is then compared by all 64.
 */
const HASHES = 64;
const BAND_ROWS = 4;
const BANDS = HASHES / BAND_ROWS;
/** Words in a shingle. */
const SHINGLE = 3;
/** Longer texts are compared by their beginning. */
const MAX_CHARACTERS = 20_000;
/** Texts that are looked at within one bucket; a bucket of the commonest template would otherwise cost without end. */
const MAX_COMPARED = 32;
const FIRST_SLOTS = 1 << 10;

const MULTIPLIERS = new Uint32Array(HASHES);
const INCREMENTS = new Uint32Array(HASHES);
for (let at = 0; at < HASHES; at++) {
  MULTIPLIERS[at] = mix(2 * at + 1) | 1;
  INCREMENTS[at] = mix(2 * at + 2);
}

/** Growing list of numbers, 32 bits each. */
class Numbers {
  values = new Uint32Array(FIRST_SLOTS);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Uint32Array(2 * this.values.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

/**
 * The texts kept so far, by some 530 bytes each. Texts are numbered as they are kept, so that the same texts in the same
 * order give the same result.
 */
export class NearIndex {
  readonly #threshold: number;
  readonly #signatures = new Numbers();
  /** Of each band of each text: the text before it in the bucket, plus one; 0 ends the chain. */
  readonly #before = new Numbers();
  /** Hash table: bucket → its newest entry plus one. */
  #heads = new Uint32Array(FIRST_SLOTS);
  #keys = new Uint32Array(FIRST_SLOTS);
  #buckets = 0;
  #count = 0;
  readonly #signature = new Uint32Array(HASHES);
  readonly #bandKeys = new Uint32Array(BANDS);

  /** @param threshold Jaccard similarity of the sets of three-word shingles, 0..1 */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** Keeps a text unless one like it is kept. @returns whether one like it was there before */
  isRepeated(text: string): boolean {
    sign(text, this.#signature);
    for (let band = 0; band < BANDS; band++) {
      let key = mix(band);
      for (let row = 0; row < BAND_ROWS; row++) key = mix(key ^ this.#signature[band * BAND_ROWS + row]!);
      this.#bandKeys[band] = key;
      let entry = this.#heads[this.#slotOf(key)]!;
      for (let compared = 0; entry !== 0 && compared < MAX_COMPARED; compared++) {
        if (this.#similarity(Math.floor((entry - 1) / BANDS)) >= this.#threshold) return true;
        entry = this.#before.values[entry - 1]!;
      }
    }
    this.#keep();
    return false;
  }

  #keep(): void {
    for (const hash of this.#signature) this.#signatures.push(hash);
    for (const [band, key] of this.#bandKeys.entries()) {
      if (2 * this.#buckets >= this.#heads.length) this.#grow();
      const slot = this.#slotOf(key);
      if (this.#heads[slot] === 0) this.#buckets++;
      this.#before.push(this.#heads[slot]!);
      this.#keys[slot] = key;
      this.#heads[slot] = this.#count * BANDS + band + 1;
    }
    this.#count++;
  }

  #similarity(text: number): number {
    let same = 0;
    for (let at = 0; at < HASHES; at++)
      if (this.#signatures.values[text * HASHES + at] === this.#signature[at]) same++;
    return same / HASHES;
  }

  /** The slot of a key, or the empty one where it belongs. */
  #slotOf(key: number): number {
    const mask = this.#heads.length - 1;
    let slot = key & mask;
    while (this.#heads[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const heads = this.#heads;
    const keys = this.#keys;
    this.#heads = new Uint32Array(2 * heads.length);
    this.#keys = new Uint32Array(2 * heads.length);
    for (let at = 0; at < heads.length; at++) {
      if (heads[at] === 0) continue;
      const slot = this.#slotOf(keys[at]!);
      this.#keys[slot] = keys[at]!;
      this.#heads[slot] = heads[at]!;
    }
  }
}

/** Least hash of all shingles, for each of the hash functions. Case, punctuation and spaces make no difference. */
function sign(text: string, signature: Uint32Array): void {
  signature.fill(0xffffffff);
  const words = wordsOf(text);
  const count = Math.max(1, words.length - SHINGLE + 1);
  for (let start = 0; start < count; start++) {
    let shingle = 0x9e3779b9;
    for (let at = start; at < Math.min(start + SHINGLE, words.length); at++)
      shingle = mix(shingle ^ words[at]!);
    for (let at = 0; at < HASHES; at++) {
      const hash = mix(Math.imul(shingle, MULTIPLIERS[at]!) + INCREMENTS[at]!);
      if (hash < signature[at]!) signature[at] = hash;
    }
  }
}

/** Hashes of the words; a script that writes without spaces gives one for each character. */
function wordsOf(text: string): number[] {
  const lower = text.slice(0, MAX_CHARACTERS).toLowerCase();
  const found = lower.match(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+/gu,
  );
  // A text of signs alone is a text as well.
  return (found ?? [lower.trim()]).map(hashOf);
}

/** FNV-1a over UTF-16 units, then mixed. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return mix(hash);
}

/** The finaliser of MurmurHash3 (Appleby, public domain). */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
