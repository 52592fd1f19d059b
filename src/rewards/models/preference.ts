import type { Question } from "../../base/vocabulary.ts";
import type { RewardModel } from "../parts.ts";
import { type Classify, firstLogits } from "../served.ts";

/** The two places that openvalidators 1.2.0 had for a model trained on human preferences. */
export type PreferenceName = "rlhf_reward_model" | "reciprocate_reward_model";

/**
 * The logit that a reward model trained on human preferences gives the pair of prompt and completion. The form of the
 * pair, two segments or the turns of a conversation, is the model's own: its manifest has it.
 */
export class PreferenceReward implements RewardModel {
  readonly name: PreferenceName;
  readonly #classify: Classify;

  constructor(name: PreferenceName, classify: Classify) {
    this.name = name;
    this.#classify = classify;
  }

  async score({ prompt }: Question, completions: string[]): Promise<number[]> {
    return firstLogits(
      await this.#classify(completions.map((completion) => ({ pair: [prompt, completion] }))),
    );
  }
}
