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
    const quotable = new Set((reading?.source ?? []).map(keyOf));
    const own = await mapInTurns(completions, (text) => ownPieces(text, quotable));
    const read = (await this.#read(own.flat().map(({ text }) => text))).values();
    const { middle, slack, width } = this.#bound;
    const judged = own.map((pieces) => {
      let words = 0;
      let disorder = 0;
      for (const piece of pieces) {
        words += piece.words;
        disorder += Math.max(1, piece.words) * (read.next().value?.disorder ?? Number.NaN);
      }
      return { words, disorder: disorder / Math.max(1, words) };
    });
    const factors = await mapInTurns(judged, ({ words, disorder }, at) =>
      (reading === undefined ? isEnglish(completions[at]!) : reading.isEnglish)
        ? below(disorder, middle + slack / Math.sqrt(Math.max(1, words)), width)
        : 1,
    );
    return { factors, details: { disorder: judged.map(({ disorder }) => disorder) } };
  }
}

/** A text that is read, and how many words it has. */
interface Piece {
  text: string;
  words: number;
}

const pieceOf = (text: string): Piece => ({ text, words: wordsOf(text).length });
const keyOf = (sentence: string): string => wordsOf(sentence).join(" ");

/** What of a completion is to be read: all of it, or beside sentences that are quoted whole the other ones. */
function ownPieces(text: string, quotable: ReadonlySet<string>): Piece[] {
  const sentences = sentencesOf(text);
  if (quotable.size === 0 || sentences.length > MOST_SENTENCES) return [pieceOf(text)];
  const own = sentences.filter((sentence) => !quotable.has(keyOf(sentence)));
  return own.length === sentences.length ? [pieceOf(text)] : own.map(pieceOf);
}
