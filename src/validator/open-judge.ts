import { Failure } from "../base/error.ts";
import type { Settings } from "../config/options.ts";
import type { EmbeddingCache } from "../inference/embedding-cache.ts";
import { createPipeline } from "../rewards/assemble.ts";
import { type MaskChoice, maskChoiceOf } from "../rewards/masks/table.ts";
import type { RewardsCode } from "../rewards/parts.ts";
import type { PenaltyChoice } from "../rewards/penalties/presets.ts";
import type { Profile } from "../rewards/profile.ts";
import { chosenProfile } from "../rewards/profiles.ts";
import type { ServedModels } from "../rewards/served.ts";
import { InferenceMeter } from "./inference-meter.ts";
import type { Judge } from "./ports.ts";

/** What scores, read once: a profile may be a file. */
export interface Scoring {
  profile: Profile;
  weights: Record<string, number>;
  masks: MaskChoice;
  isShadowOff: boolean;
  penalties: PenaltyChoice[];
  /** Most that a slow answer loses, 0..1. */
  timeWeight: number;
}

/** Settings that say which reward models count, and how much. */
export type WeightSettings = Pick<
  Settings,
  | "rewardDpoWeight"
  | "rewardRlhfWeight"
  | "rewardReciprocateWeight"
  | "rewardDahoasWeight"
  | "rewardPromptBasedWeight"
  | "neuronMockRewardModels"
  | "modelsProfile"
>;

/** @throws Failure `rewards.bad-profile`, `config.bad-value` for a profile that is not there */
export function readWeights(settings: WeightSettings): Pick<Scoring, "profile" | "weights"> {
  const given = {
    dpo_reward_model: settings.rewardDpoWeight,
    rlhf_reward_model: settings.rewardRlhfWeight,
    reciprocate_reward_model: settings.rewardReciprocateWeight,
    dahoas_reward_model: settings.rewardDahoasWeight,
    prompt_reward_model: settings.rewardPromptBasedWeight,
  };
  return {
    profile: chosenProfile(
      settings.neuronMockRewardModels ? "embedded" : (settings.modelsProfile ?? "embedded"),
    ),
    weights: Object.fromEntries(
      Object.entries(given).filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
  };
}

/** @throws Failure `rewards.bad-profile`, `rewards.bad-penalty`, `config.bad-value` for a profile that is not there */
export function readScoring(settings: Settings): Scoring {
  return {
    ...readWeights(settings),
    masks: maskChoiceOf(settings),
    isShadowOff: settings.shadowOff,
    penalties: penaltiesOf(settings),
    timeWeight: settings.rewardTimeWeight,
  };
}

/** @throws Failure `rewards.bad-penalty` for keywords that nothing looks for */
function penaltiesOf({ rewardPenalties, rewardKeywords }: Settings): PenaltyChoice[] {
  if (rewardKeywords.length > 0 && !rewardPenalties.includes("keyword-match"))
    throw new Failure<RewardsCode>("rewards.bad-penalty", {
      message: "--reward.keywords has no effect without the penalty keyword-match",
      hint: "add --reward.penalties keyword-match, or leave the keywords out",
    });
  return rewardPenalties.map((name) =>
    name === "keyword-match" ? { name, words: [...rewardKeywords] } : { name },
  );
}

/**
 * The reward pipeline of the profile with the operator's weights and switches.
 * @param embeddings a cache before `models` that routing shares
 * @param meter knows what the inference processes do
 * @throws Failure `rewards.*`
 */
export function openJudge(
  { profile, ...choice }: Scoring,
  models: ServedModels,
  embeddings?: EmbeddingCache,
  meter = new InferenceMeter(),
): Judge {
  return createPipeline(profile, { models, embeddings, meter, ...choice });
}
