import type { Question } from "../../base/vocabulary.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import { cosine } from "../cosine.ts";
import type { Mask } from "../parts.ts";

export interface RelevanceMaskOptions {
  embedder: TextEmbedder;
  /** Smallest |cosine| that passes: 0.3 for all-mpnet-base-v2 in openvalidators 1.2.0; other encoders need their own. */
  minCosine: number;
  /** A second encoder, both of whose texts must be near: −0.0246 for bert-base-uncased in openvalidators 1.2.0. */
  distance?: { embedder: TextEmbedder; minNegativeRmse: number };
}

/** 1 where base prompt and completion are about the same thing, else 0. */
export class RelevanceMask implements Mask {
  readonly name = "relevance_filter";
  readonly #options: RelevanceMaskOptions;

  constructor(options: RelevanceMaskOptions) {
    this.#options = options;
  }

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const { embedder, minCosine, distance } = this.#options;
    const texts = [question.basePrompt, ...completions];
    const [base, ...vectors] = await embedder.embed(texts);
    const factors = vectors.map((vector) => passes(Math.abs(cosine(base!, vector)), minCosine));
    if (distance === undefined) return factors;
    const [other, ...others] = await distance.embedder.embed(texts);
    return factors.map(
      (factor, at) => factor * passes(negativeRmse(other!, others[at]!), distance.minNegativeRmse),
    );
  }
}

/** NaN must reach the pipeline, which reports it; a comparison would hide it. */
function passes(similarity: number, bound: number): number {
  return Number.isNaN(similarity) ? similarity : similarity >= bound ? 1 : 0;
}

/** −√(mean of squared differences): 0 for equal vectors, lower for others. */
export function negativeRmse(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
  return -Math.sqrt(sum / a.length);
}
