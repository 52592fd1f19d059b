import type { RewardModel, StepQuestion } from "../pipeline.ts";
import { type Classify, firstLogits } from "../served.ts";

/** The logit that a reward model trained on human preferences gives the pair of prompt and completion. */
export class RlhfReward implements RewardModel {
  readonly name = "rlhf_reward_model";
  readonly #classify: Classify;

  constructor(classify: Classify) {
    this.#classify = classify;
  }

  async score({ prompt }: StepQuestion, completions: string[]): Promise<number[]> {
    return firstLogits(
      await this.#classify(completions.map((completion) => ({ pair: [prompt, completion] }))),
    );
  }
}
