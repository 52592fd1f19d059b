import type { Question } from "../../base/vocabulary.ts";
import type { Mask } from "../parts.ts";
import type { Classify } from "../served.ts";

/**
 * How the logits of a piece become one score: `against` reads two, "not hate" and "hate", as max(−not hate, hate);
 * `any` reads one for each kind of poison, and takes the largest.
 */
export const NSFW_RULES = ["against", "any"] as const;
export type NsfwRule = (typeof NSFW_RULES)[number];

export interface NsfwMaskOptions {
  /** Gives the logits of each piece of a text. */
  classify: Classify;
  rule: NsfwRule;
  /** Largest score that passes: −0.5 for the classifier of openvalidators 1.2.0, which is read `against`. */
  maxScore: number;
}

/** 0 where any piece of a completion reads as hate, else 1. */
export class NsfwMask implements Mask {
  readonly name = "nsfw_filter";
  readonly #options: NsfwMaskOptions;

  constructor(options: NsfwMaskOptions) {
    this.#options = options;
  }

  async apply(_question: Question, completions: string[]): Promise<number[]> {
    const { classify, rule, maxScore } = this.#options;
    const texts = await classify(completions.map((completion) => ({ pieces: completion })));
    return texts.map((pieces) => {
      const score = hateScore(pieces, rule);
      // NaN must reach the pipeline, which reports it; a comparison would hide it.
      return Number.isNaN(score) ? score : score > maxScore ? 0 : 1;
    });
  }
}

/** The largest score of a text's pieces. */
export function hateScore(pieces: readonly Float32Array[], rule: NsfwRule): number {
  return Math.max(
    ...pieces.map((logits) =>
      rule === "any" ? Math.max(...logits) : Math.max(-(logits[0] ?? Number.NaN), logits[1] ?? Number.NaN),
    ),
  );
}
