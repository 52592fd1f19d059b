import { log } from "../base/log.ts";
import type { Question } from "../base/vocabulary.ts";
import { SHADOW_PREFIX } from "../events/schema.ts";
import type { RewardModel, Watcher } from "./parts.ts";

/**
 * A reward model that is watched: its numbers go to the events and into no reward. Whatever it meets costs nothing but
 * its own numbers.
 */
export class ShadowScorer implements Watcher {
  readonly name: string;
  readonly #model: RewardModel;
  #isFailing = false;

  constructor(model: RewardModel) {
    this.name = `${SHADOW_PREFIX}${model.name}`;
    this.#model = model;
  }

  /** @returns one number per completion; null where there is none. Never throws. */
  async score(question: Question, completions: string[]): Promise<(number | null)[]> {
    try {
      const numbers = completions.length === 0 ? [] : await this.#model.score(question, completions);
      if (numbers.length !== completions.length)
        throw new Error(`${numbers.length} numbers for ${completions.length} completions`);
      if (this.#isFailing) log.info("A shadow scorer works again", { name: this.name });
      this.#isFailing = false;
      return numbers.map((number) => (Number.isFinite(number) ? number : null));
    } catch (error) {
      if (!this.#isFailing) log.warn("A shadow scorer gives no scores", { name: this.name, error });
      this.#isFailing = true;
      return completions.map(() => null);
    }
  }
}
