import { asidesOf, sentencesOf, wordsOf } from "../../prompts/sentences.ts";

/** Places of two words in a row that are looked at: bounds the work where a text says the same thing over and over. */
const MAX_PLACES = 32;
/** Places of either run that are held against each other. */
const MAX_COMPARED = 8;
/** Words between two runs of a sentence that are looked at, asides among them. */
const MAX_LEFT_OUT = 40;

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

/** Words after which a clause may begin. */
const CONJUNCTION =
  /^(?:and|but|or|nor|that|which|who|whom|whose|where|when|while|because|since|so|as|if|whether|then|than|though|although|until|before|after|for)$/;

/** What parts clauses; no comma between digits, and nothing that is read as an apostrophe. */
const CLAUSE_MARK = /(?:(?!(?<=\p{N}\p{M}*),\p{N})[^\p{L}\p{M}\p{N}\s'’‘‛`´′＇-])+|\s[-–—]+\s|--+/u;

/** For each word of a sentence, whether a clause may begin there: first, after a mark or after a conjunction. */
export function openingsOf(sentence: string): boolean[] {
  return sentence
    .split(CLAUSE_MARK)
    .flatMap((piece) => wordsOf(piece).map((_, at, words) => at === 0 || CONJUNCTION.test(words[at - 1]!)));
}

/** A text whose runs of words can be found again. */
export class RunSource {
  readonly #sentences: string[][];
  /** For each sentence and word, whether it stands in brackets. */
  readonly #asides: boolean[][];
  readonly #words: ReadonlySet<string>;
  /** For each sentence and word, whether a clause may begin there. */
  readonly #openings: boolean[][];
  /** By two words with a space between, the places where they stand. */
  readonly #pairs = new Map<string, Place[]>();

  /** @param sentences of what the miner was given */
  constructor(sentences: readonly string[]) {
    this.#sentences = sentences.map(wordsOf);
    this.#asides = sentences.map(asidesOf);
    this.#openings = sentences.map(openingsOf);
    this.#words = new Set(this.#sentences.flat());
    for (const [sentence, words] of this.#sentences.entries())
      for (let at = 0; at + 1 < words.length; at++) {
        const pair = `${words[at]} ${words[at + 1]}`;
        const places = this.#pairs.get(pair);
        if (places === undefined) this.#pairs.set(pair, [{ sentence, at }]);
        else if (places.length < MAX_PLACES) places.push({ sentence, at });
      }
  }

  /** Whether a word stands anywhere in the text. */
  has(word: string): boolean {
    return this.#words.has(word);
  }

  /**
   * For each place where the second run goes on in the sentence of the first, at most so many words later, the words of
   * the sentence between them; without those in brackets, which anybody may leave out.
   */
  leftOut(run: Run, next: Run, most: number): string[][] {
    return run.places
      .slice(0, MAX_COMPARED)
      .flatMap((place) =>
        next.places.slice(0, MAX_COMPARED).map((other) => this.#between(place.at + run.length, place, other)),
      )
      .filter((words) => words !== undefined)
      .filter((words) => words.length <= most);
  }

  #between(from: number, place: Place, { sentence, at }: Place): string[] | undefined {
    if (sentence !== place.sentence || at < from || at - from > MAX_LEFT_OUT) return undefined;
    const asides = this.#asides[sentence]!;
    const words = this.#sentences[sentence]!.slice(from, at);
    // Words that are missing inside of an aside are missing.
    return asides[from - 1] || asides[at] ? words : words.filter((_, offset) => !asides[from + offset]);
  }

  /**
   * Whether a run begins in the midst of a clause, wherever it stands, with more words of its sentence before it than stand
   * for them.
   */
  isTorn({ places }: Run, before: number): boolean {
    return (
      places.length > 0 && places.every(({ sentence, at }) => at > before && !this.#openings[sentence]![at])
    );
  }

  /** Words that go on a run: the next one wherever it stands, and the next one after an aside. */
  following({ places, length }: Run): string[] {
    return places.flatMap(({ sentence, at }) => {
      const words = this.#sentences[sentence]!;
      const asides = this.#asides[sentence]!;
      const next = at + length;
      return [words[next], words.find((_, other) => other >= next && !asides[other])].filter(
        (word) => word !== undefined,
      );
    });
  }

  /**
   * How many of these words stand right before a run in one of its sentences too: the longest run from the left may
   * have taken a word or two that belong to the next one.
   */
  reach(words: readonly string[], next: Run): number {
    return next.places.reduce((most, { sentence, at }) => {
      let count = 0;
      while (
        count < Math.min(at, words.length) &&
        words.at(-1 - count) === this.#sentences[sentence]![at - 1 - count]
      )
        count++;
      return Math.max(most, count);
    }, 0);
  }

  /** A completion, sentence by sentence, cut from left to right into the longest runs that the source has. */
  runsOf(completion: string): Run[][] {
    return sentencesOf(completion).map((sentence) => this.runsIn(sentence));
  }

  /** The same of one sentence. */
  runsIn(sentence: string): Run[] {
    const words = wordsOf(sentence);
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
