import type { Mask, StepQuestion } from "../pipeline.ts";
import type { Classify } from "../served.ts";

export interface NsfwMaskOptions {
  /** Gives two logits, "not hate" and "hate", for each piece of a text. */
  classify: Classify;
  /** Largest max(−"not hate", "hate") that passes: −0.5 for the classifier of openvalidators 1.2.0. */
  maxScore: number;
}

/** 0 where any piece of a completion reads as hate, else 1. */
export class NsfwMask implements Mask {
  readonly name = "nsfw_filter";
  readonly #options: NsfwMaskOptions;

  constructor(options: NsfwMaskOptions) {
    this.#options = options;
  }

  async apply(_question: StepQuestion, completions: string[]): Promise<number[]> {
    const { classify, maxScore } = this.#options;
    const texts = await classify(completions.map((completion) => ({ pieces: completion })));
    return texts.map((pieces) => {
      const score = hateScore(pieces);
      // NaN must reach the pipeline, which reports it; a comparison would hide it.
      return Number.isNaN(score) ? score : score > maxScore ? 0 : 1;
    });
  }
}

/** Largest max(−"not hate", "hate") of a text's pieces. */
export function hateScore(pieces: readonly Float32Array[]): number {
  return Math.max(...pieces.map(([notHate, hate]) => Math.max(-notHate!, hate!)));
}
