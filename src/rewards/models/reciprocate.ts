import type { RewardModel, StepQuestion } from "../pipeline.ts";
import { type Classify, firstLogits } from "../served.ts";

/** The logit of a reward model that reads one turn of a conversation, in the form it was trained on. */
export class ReciprocateReward implements RewardModel {
  readonly name = "reciprocate_reward_model";
  readonly #classify: Classify;

  constructor(classify: Classify) {
    this.#classify = classify;
  }

  async score({ prompt }: StepQuestion, completions: string[]): Promise<number[]> {
    const inputs = completions.map((completion) => ({
      template: [
        { text: "<|prompter|>", isOurs: true },
        { text: prompt, isOurs: false },
        { text: "</s><|assistant|>", isOurs: true },
        { text: completion, isOurs: false },
        { text: "</s><|endoftext|>", isOurs: true },
      ],
    }));
    return firstLogits(await this.#classify(inputs));
  }
}
