import type { Question } from "../../base/vocabulary.ts";
import type { RewardModel } from "../parts.ts";
import { type Classify, firstLogits } from "../served.ts";

/** What the prompt adds to the value of the completion: value(prompt + completion) − value(completion). */
export class DahoasReward implements RewardModel {
  readonly name = "dahoas_reward_model";
  readonly #classify: Classify;

  constructor(classify: Classify) {
    this.#classify = classify;
  }

  async score({ prompt }: Question, completions: string[]): Promise<number[]> {
    const texts = [...completions.map((completion) => prompt + completion), ...completions];
    const inputs = texts.map((text) => ({
      template: [
        { text: "<|startoftext|>", isOurs: true },
        { text, isOurs: false },
      ],
    }));
    const values = firstLogits(await this.#classify(inputs));
    return completions.map((_, at) => values[at]! - values[completions.length + at]!);
  }
}
