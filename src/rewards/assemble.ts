import { StepEmbeddings, type TextEmbedder } from "./embeddings.ts";
import { BlacklistMask } from "./masks/blacklist.ts";
import { DiversityMask } from "./masks/diversity.ts";
import { NgramBlacklistMask } from "./masks/ngram-blacklist.ts";
import { NsfwMask } from "./masks/nsfw.ts";
import { RelevanceMask } from "./masks/relevance.ts";
import { TaskValidatorMask } from "./masks/task-validator.ts";
import { DahoasReward } from "./models/dahoas.ts";
import { DpoReward } from "./models/dpo.ts";
import { type PreferenceName, PreferenceReward } from "./models/preference.ts";
import { PromptReward } from "./models/prompt.ts";
import { RelevanceReward } from "./models/relevance.ts";
import type { Mask, RewardModel } from "./parts.ts";
import { createPenalties } from "./penalties/presets.ts";
import { RewardPipeline } from "./pipeline.ts";
import { activeRewards, type OperatorChoice, type Profile, unknownReward } from "./profile.ts";
import type { ServedModels } from "./served.ts";
import { ShadowScorer } from "./shadow.ts";

export interface PipelineParts extends OperatorChoice {
  /** What the model names of the profile stand for. */
  models: ServedModels;
  /** Listed phrases; ours when left out. */
  phrases?: readonly string[];
}

/** Makes one reward model out of the model that serves it. */
type Maker = (models: ServedModels, model: string, embedder: TextEmbedder) => RewardModel;

const preference =
  (name: PreferenceName): Maker =>
  (models, model) =>
    new PreferenceReward(name, (inputs) => models.classify(model, inputs));

const MAKERS: Readonly<Record<string, Maker>> = {
  relevance_reward_model: (_models, _model, embedder) => new RelevanceReward(embedder),
  dpo_reward_model: (models, model) =>
    new DpoReward((pairs, penalty) => models.logProb(model, pairs, penalty)),
  rlhf_reward_model: preference("rlhf_reward_model"),
  reciprocate_reward_model: preference("reciprocate_reward_model"),
  dahoas_reward_model: (models, model) => new DahoasReward((inputs) => models.classify(model, inputs)),
  prompt_reward_model: (models, model) => new PromptReward((prompts) => models.digitScores(model, prompts)),
};

/**
 * Puts together what a profile describes. Models and masks on the same encoder share its embeddings within a step.
 * @throws Failure `rewards.bad-profile` for a reward this program does not have, `rewards.bad-weights` as the pipeline,
 * `rewards.bad-penalty` for a penalty that cannot be computed
 */
export function createPipeline(profile: Profile, parts: PipelineParts): RewardPipeline {
  const { models: served, weights = {}, off = {}, ngramBlacklist = false, penalties = [], phrases } = parts;
  const shared = new Map<string, StepEmbeddings>();
  const embeddingsOf = (model: string): StepEmbeddings => {
    const known = shared.get(model) ?? new StepEmbeddings({ embed: (texts) => served.embed(model, texts) });
    shared.set(model, known);
    return known;
  };

  const make = ({ name, model }: { name: string; model: string }): RewardModel => {
    const maker = MAKERS[name];
    if (maker === undefined) throw unknownReward(name, "this program has no such reward model");
    return maker(served, model, embeddingsOf(model));
  };
  const models = activeRewards(profile, weights).map((reward) => ({
    model: make(reward),
    weight: reward.weight,
  }));
  const { relevance, diversity, nsfw } = profile;
  const masks: Mask[] = [];
  if (!off.blacklist) masks.push(new BlacklistMask(phrases));
  if (ngramBlacklist) masks.push(new NgramBlacklistMask());
  if (!off.taskValidator) masks.push(new TaskValidatorMask());
  if (!off.relevance)
    masks.push(
      new RelevanceMask({
        embedder: embeddingsOf(relevance.model),
        minCosine: relevance.minCosine,
        ...(relevance.distance && {
          distance: {
            embedder: embeddingsOf(relevance.distance.model),
            minNegativeRmse: relevance.distance.minNegativeRmse,
          },
        }),
      }),
    );
  if (!off.diversity)
    masks.push(
      new DiversityMask({
        embedder: embeddingsOf(diversity.model),
        encoder: diversity.model,
        batch: { slope: diversity.batchSlope, shift: diversity.batchShift },
        history: { slope: diversity.historySlope, shift: diversity.historyShift },
      }),
    );
  if (!off.nsfw && nsfw !== undefined)
    masks.push(
      new NsfwMask({
        classify: (inputs) => served.classify(nsfw.model, inputs),
        rule: nsfw.rule,
        maxScore: nsfw.maxScore,
      }),
    );
  const shadow = off.shadow ? [] : (profile.shadow ?? []).map((scorer) => new ShadowScorer(make(scorer)));
  return new RewardPipeline({
    models,
    masks,
    penalties: createPenalties([...penalties, ...(profile.penalties ?? [])]),
    shadow,
    embeddings: [...shared.values()],
  });
}
