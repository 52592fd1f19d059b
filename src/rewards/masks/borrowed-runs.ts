import { sentencesOf, wordsOf } from "../../prompts/sentences.ts";

/** Places of two words in a row that are looked at: bounds the work where a text says the same thing over and over. */
const MAX_PLACES = 32;

/** Where in the source a run of words stands. */
interface Place {
  sentence: number;
  at: number;
}

/** A piece of a completion: words that stand in a row in one sentence of the source, or a word that does not. */
export interface Run {
  length: number;
  words: readonly string[];
  /** Where it stands; empty for a word that stands in no run. */
  places: Place[];
  /** A word that the source does not have. */
  isForeign: boolean;
  /** All words of a sentence of the source. */
  isWhole: boolean;
}

/** A text whose runs of words can be found again. */
export class RunSource {
  readonly #sentences: string[][];
  readonly #words: ReadonlySet<string>;
  /** By two words with a space between, the places where they stand. */
  readonly #pairs = new Map<string, Place[]>();

  /** @param sentences of what the miner was given */
  constructor(sentences: readonly string[]) {
    this.#sentences = sentences.map(wordsOf);
    this.#words = new Set(this.#sentences.flat());
    for (const [sentence, words] of this.#sentences.entries())
      for (let at = 0; at + 1 < words.length; at++) {
        const pair = `${words[at]} ${words[at + 1]}`;
        const places = this.#pairs.get(pair);
        if (places === undefined) this.#pairs.set(pair, [{ sentence, at }]);
        else if (places.length < MAX_PLACES) places.push({ sentence, at });
      }
  }

  /** Words of one of its sentences. */
  wordsOf(sentence: number): readonly string[] {
    return this.#sentences[sentence]!;
  }

  /** A completion, sentence by sentence, cut from left to right into the longest runs that the source has. */
  runsOf(completion: string): Run[][] {
    return sentencesOf(completion).map((sentence) => this.#runs(wordsOf(sentence)));
  }

  #runs(words: readonly string[]): Run[] {
    const runs: Run[] = [];
    for (let at = 0; at < words.length; ) {
      const run = this.#longestAt(words, at);
      runs.push(run);
      at += run.length;
    }
    return runs;
  }

  #longestAt(words: readonly string[], from: number): Run {
    let length = 1;
    let places: Place[] = [];
    for (const place of this.#pairs.get(`${words[from]} ${words[from + 1]}`) ?? []) {
      const source = this.#sentences[place.sentence]!;
      let size = 2;
      while (from + size < words.length && words[from + size] === source[place.at + size]) size++;
      if (size > length) {
        length = size;
        places = [];
      }
      if (size === length) places.push(place);
    }
    return {
      length,
      words: words.slice(from, from + length),
      places,
      isForeign: length === 1 && !this.#words.has(words[from]!),
      isWhole: places.some(({ sentence }) => length === this.#sentences[sentence]!.length),
    };
  }
}
