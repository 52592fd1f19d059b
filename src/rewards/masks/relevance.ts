import { cosine, type TextEmbedder } from "../embeddings.ts";
import type { Mask, StepQuestion } from "../pipeline.ts";

export interface RelevanceMaskOptions {
  embedder: TextEmbedder;
  /** Smallest |cosine| that passes: 0.3 for all-mpnet-base-v2 in openvalidators 1.2.0; other encoders need their own. */
  minCosine: number;
}

/** 1 where base prompt and completion are about the same thing, else 0. */
export class RelevanceMask implements Mask {
  readonly name = "relevance_filter";
  readonly #options: RelevanceMaskOptions;

  constructor(options: RelevanceMaskOptions) {
    this.#options = options;
  }

  async apply(question: StepQuestion, completions: string[]): Promise<number[]> {
    const { embedder, minCosine } = this.#options;
    const [base, ...answers] = await embedder.embed([question.basePrompt, ...completions]);
    return answers.map((answer) => {
      const similarity = Math.abs(cosine(base!, answer));
      // NaN must reach the pipeline, which reports it; a comparison would hide it.
      return Number.isNaN(similarity) ? similarity : similarity >= minCosine ? 1 : 0;
    });
  }
}
