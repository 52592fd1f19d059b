import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import type { ReadText } from "../../inference/embedding-cache.ts";
import { isEnglish, wordsOf } from "../../prompts/sentences.ts";
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

/**
 * 1 for words in an order that people write them in, near 0 for shuffled ones and for a mosaic of pieces of sentences. The
 * probe learnt English: 1 for every answer to a text in another language, and for one in another language to what a user
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
    const read = await this.#read(completions);
    const { middle, slack, width } = this.#bound;
    const disorder = read.map((text) => text.disorder ?? Number.NaN);
    const reading = readingOf(question);
    const factors = await mapInTurns(completions, (text, at) =>
      (reading === undefined ? isEnglish(text) : reading.isEnglish)
        ? below(disorder[at]!, middle + slack / Math.sqrt(Math.max(1, wordsOf(text).length)), width)
        : 1,
    );
    return { factors, details: { disorder } };
  }
}
