import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import type { ReadText } from "../../inference/embedding-cache.ts";
import { isEnglish, sentencesOf, wordsOf } from "../../prompts/sentences.ts";
import { below } from "../logistic.ts";
import type { Mask, MaskVerdict } from "../parts.ts";
import { readingOf } from "../reading.ts";

/** Where prose ends and shuffled words begin, in the numbers of one encoder's probe. */
export interface OrderBound {
  /** Mean disorder of a long text at which half the reward is left. */
  middle: number;
  /** A text of n words may have slack / √n more: few words tell little. */
  slack: number;
  width: number;
}

/** A text of more sentences is read as a whole. */
const MOST_SENTENCES = 24;

/**
 * 1 for words in an order that people write them in, near 0 for shuffled ones and for a mosaic of pieces of sentences. The
 * sentences that the miner was given are in their order by definition, so what it quotes whole is left out. The probe
 * learnt English: 1 for every answer to a text in another language, and for one in another language to what a user
 * asks, for whom it may be the right one.
 */
export class OrderMask implements Mask {
  readonly name = "order_filter";
  readonly #read: (texts: string[]) => Promise<ReadText[]>;
  readonly #bound: OrderBound;

  constructor(read: (texts: string[]) => Promise<ReadText[]>, bound: OrderBound) {
    this.#read = read;
    this.#bound = bound;
  }

  async apply(question: Question, completions: string[]): Promise<MaskVerdict> {
    const reading = readingOf(question);
    const own = ownPieces(completions, reading?.source ?? []);
    const read = await this.#read(own.flat());
    const { middle, slack, width } = this.#bound;
    const judged = own.map((pieces) => {
      const parts = pieces.map((piece) => ({ words: wordsOf(piece).length, ...read.shift()! }));
      const words = parts.reduce((sum, part) => sum + part.words, 0);
      const sum = parts.reduce(
        (sum, part) => sum + Math.max(1, part.words) * (part.disorder ?? Number.NaN),
        0,
      );
      return { words, disorder: pieces.length === 0 ? 0 : sum / Math.max(1, words) };
    });
    const factors = await mapInTurns(judged, ({ words, disorder }, at) =>
      (reading === undefined ? isEnglish(completions[at]!) : reading.isEnglish)
        ? below(disorder, middle + slack / Math.sqrt(Math.max(1, words)), width)
        : 1,
    );
    return { factors, details: { disorder: judged.map(({ disorder }) => disorder) } };
  }
}

/** What of each completion is to be read: all of it, or beside sentences that are quoted whole the other ones. */
function ownPieces(completions: readonly string[], source: readonly string[]): string[][] {
  const keyOf = (sentence: string): string => wordsOf(sentence).join(" ");
  const quotable = new Set(source.map(keyOf));
  return completions.map((text) => {
    const sentences = sentencesOf(text);
    if (quotable.size === 0 || sentences.length > MOST_SENTENCES) return [text];
    const own = sentences.filter((sentence) => !quotable.has(keyOf(sentence)));
    return own.length === sentences.length ? [text] : own;
  });
}
