import { log } from "../../base/log.ts";
import type { Question } from "../../base/vocabulary.ts";
import type { RewardModel } from "../parts.ts";
import type { LogProb } from "../served.ts";

/** exp(−11) is less than one in a vocabulary of 50 257: worse than any guess (openvalidators 1.2.0). */
const LOWEST = -11;
/** So few characters say nothing, and "Yes." is likely after almost anything. */
const SHORT_CHARACTERS = 5;
const REPETITION_PENALTY = 1.2;

/** How likely a base language model finds the completion after the prompt: mean log-probability of its tokens. */
export class DpoReward implements RewardModel {
  readonly name = "dpo_reward_model";
  readonly #logProb: LogProb;
  #hasReported = false;

  constructor(logProb: LogProb) {
    this.#logProb = logProb;
  }

  async score({ prompt }: Question, completions: string[]): Promise<number[]> {
    const long = completions.filter((completion) => !isShort(completion));
    const scores = await this.#logProb(
      long.map((completion) => ({ prompt, completion })),
      REPETITION_PENALTY,
    );
    if (scores.some(Number.isNaN) && !this.#hasReported) {
      this.#hasReported = true;
      log.error("A reward model gave a number that is not finite; such completions get its lowest reward", {
        name: this.name,
      });
    }
    let next = 0;
    return completions.map((completion) => {
      const score = isShort(completion) ? LOWEST : scores[next++]!;
      return Number.isFinite(score) ? score : LOWEST;
    });
  }
}

/** Code points, as Python counts them. */
function isShort(completion: string): boolean {
  return completion.length <= 2 * SHORT_CHARACTERS && [...completion].length <= SHORT_CHARACTERS;
}
