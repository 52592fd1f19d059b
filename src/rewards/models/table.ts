import type { ModelRole } from "../../config/scoring-options.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import type { RewardModel } from "../parts.ts";
import type { ServedModels } from "../served.ts";
import { DahoasReward } from "./dahoas.ts";
import { DpoReward } from "./dpo.ts";
import { type PreferenceName, PreferenceReward } from "./preference.ts";
import { PromptReward } from "./prompt.ts";
import { RelevanceReward } from "./relevance.ts";
import { TaskFitReward } from "./task-fit.ts";

/** A kind of reward model: the role under which its model is placed, and how it is made out of what serves it. */
export interface RewardKind {
  role: ModelRole;
  make(served: ServedModels, model: string, embedder: TextEmbedder): RewardModel;
}

const preference = (role: ModelRole, name: PreferenceName): RewardKind => ({
  role,
  make: (served, model) => new PreferenceReward(name, (inputs) => served.classify(model, inputs)),
});

/** Every reward model of this program by its column in the events. A profile names those that count, and their weights. */
export const REWARD_MODELS: Readonly<Record<string, RewardKind>> = {
  // On the role, and so the device, of the mask of the same name.
  relevance_reward_model: {
    role: "relevance",
    make: (_served, _model, embedder) => new RelevanceReward(embedder),
  },
  task_fit_reward_model: {
    role: "relevance",
    make: (_served, _model, embedder) => new TaskFitReward(embedder),
  },
  dpo_reward_model: {
    role: "dpo",
    make: (served, model) => new DpoReward((pairs, penalty) => served.logProb(model, pairs, penalty)),
  },
  rlhf_reward_model: preference("rlhf", "rlhf_reward_model"),
  reciprocate_reward_model: preference("reciprocate", "reciprocate_reward_model"),
  dahoas_reward_model: {
    role: "dahoas",
    make: (served, model) => new DahoasReward((inputs) => served.classify(model, inputs)),
  },
  prompt_reward_model: {
    role: "prompt",
    make: (served, model) => new PromptReward((prompts) => served.digitScores(model, prompts)),
  },
};
