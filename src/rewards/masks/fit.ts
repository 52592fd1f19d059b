import type { Question } from "../../base/vocabulary.ts";
import type { Mask, RewardModel } from "../parts.ts";
import { readingOf } from "../reading.ts";

/**
 * How well a completion does what was asked, as a factor of what other reward models make of it: what they rank among answers
 * of all kinds earns only as far as it is an answer. 1 for what a user asked in words of his own, which the fit cannot read.
 */
export class FitMask implements Mask {
  readonly name = "fit_filter";
  readonly #fit: RewardModel;

  /** @param fit gives 0..1 */
  constructor(fit: RewardModel) {
    this.#fit = fit;
  }

  async apply(question: Question, completions: string[]): Promise<number[]> {
    if (readingOf(question) === undefined) return completions.map(() => 1);
    return await this.#fit.score(question, completions);
  }
}
