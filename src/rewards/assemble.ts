import {
  EmbeddingCache,
  embedderOn,
  type ReadText,
  type TextEmbedder,
} from "../inference/embedding-cache.ts";
import { chosenMasks, type MaskMaterial } from "./masks/table.ts";
import { REWARD_MODELS } from "./models/table.ts";
import type { RewardModel } from "./parts.ts";
import { createPenalties } from "./penalties/presets.ts";
import { RewardPipeline, type ServedMeter } from "./pipeline.ts";
import type { Profile } from "./profile.ts";
import { activeRewards, type OperatorChoice, unknownReward } from "./roles.ts";
import type { ServedModels } from "./served.ts";
import { ShadowScorer } from "./shadow.ts";

export interface PipelineParts extends OperatorChoice {
  /** What the model names of the profile stand for. */
  models: ServedModels;
  /** Gives the embeddings in their place; with a cache that routing shares, a prompt is embedded once. */
  embeddings?: EmbeddingCache | undefined;
  /** Listed phrases; ours when left out. */
  phrases?: readonly string[];
  meter?: ServedMeter;
}

/**
 * Puts together what a profile describes. Models and masks on the same encoder share its embeddings.
 * @throws Failure `rewards.bad-profile` for a reward this program does not have, `rewards.bad-weights` as the pipeline,
 * `rewards.bad-penalty` for a penalty that cannot be computed
 */
export function createPipeline(profile: Profile, parts: PipelineParts): RewardPipeline {
  const {
    models: served,
    weights = {},
    masks = {},
    isShadowOff = false,
    penalties = [],
    timeWeight = 0,
    phrases,
    meter,
  } = parts;
  const embeddings = parts.embeddings ?? new EmbeddingCache(served);
  const encoders = new Set<string>();
  const embedderOf = (model: string): TextEmbedder => {
    encoders.add(model);
    return embedderOn(embeddings, model);
  };
  const readerOf = (model: string) => {
    encoders.add(model);
    return (texts: string[]): Promise<ReadText[]> => embeddings.read(model, texts);
  };
  const make = ({ name, model }: { name: string; model: string }): RewardModel => {
    const kind = REWARD_MODELS[name];
    if (kind === undefined) throw unknownReward(name, "this program has no such reward model");
    return kind.make(served, model, embedderOf(model));
  };
  const material: MaskMaterial = { profile, served, embedderOf, readerOf, phrases };
  return new RewardPipeline({
    models: activeRewards(profile, weights).map((reward) => ({
      model: make(reward),
      weight: reward.weight,
    })),
    masks: chosenMasks(masks)
      .map((kind) => kind.make(material))
      .filter((mask) => mask !== undefined),
    penalties: createPenalties([...penalties, ...(profile.penalties ?? [])]),
    shadow: isShadowOff ? [] : (profile.shadow ?? []).map((scorer) => new ShadowScorer(make(scorer))),
    timeWeight,
    expectTexts: (texts) => {
      for (const model of encoders) embeddings.expect(model, texts);
    },
    meter,
  });
}
