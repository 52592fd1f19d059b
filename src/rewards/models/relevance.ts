import type { Question } from "../../base/vocabulary.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import { cosine } from "../cosine.ts";
import type { RewardModel } from "../parts.ts";

/** Cosine of prompt and completion on a sentence encoder: −1..1. The one reward of the embedded profile. */
export class RelevanceReward implements RewardModel {
  readonly name = "relevance_reward_model";
  readonly #embedder: TextEmbedder;

  constructor(embedder: TextEmbedder) {
    this.#embedder = embedder;
  }

  async score(question: Question, completions: string[]): Promise<number[]> {
    const [prompt, ...vectors] = await this.#embedder.embed([question.prompt, ...completions]);
    return vectors.map((vector) => cosine(prompt!, vector));
  }
}
