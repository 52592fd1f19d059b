import embeddedProfile from "../../models/profiles/embedded.json" with { type: "json" };
import type { Settings } from "../config/options.ts";
import type { TextEmbedder } from "../rewards/embeddings.ts";
import { createPipeline, readProfile } from "../rewards/profile.ts";
import type { Judge } from "./ports.ts";

/** The part of the inference process that scoring needs. */
export interface ModelServer {
  embed(model: string, texts: string[]): Promise<Float32Array[]>;
}

/**
 * The reward pipeline of the profile with the operator's weights and switches.
 * @throws Failure `rewards.*`
 */
export function openJudge(settings: Settings, models: ModelServer): Judge {
  const given = {
    dpo_reward_model: settings.rewardDpoWeight,
    rlhf_reward_model: settings.rewardRlhfWeight,
    reciprocate_reward_model: settings.rewardReciprocateWeight,
    dahoas_reward_model: settings.rewardDahoasWeight,
    prompt_reward_model: settings.rewardPromptBasedWeight,
  };
  const weights = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
  return createPipeline(readProfile(embeddedProfile), {
    embedderOf: (model): TextEmbedder => ({ embed: (texts) => models.embed(model, texts) }),
    weights,
    off: {
      blacklist: settings.neuronBlacklistOff,
      taskValidator: settings.neuronTaskValidatorOff,
      relevance: settings.neuronRelevanceOff,
      diversity: settings.neuronDiversityOff,
    },
  });
}
