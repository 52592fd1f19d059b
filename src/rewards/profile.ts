import { z } from "zod";
import { Failure } from "../base/error.ts";
import { StepEmbeddings, type TextEmbedder } from "./embeddings.ts";
import { BlacklistMask } from "./masks/blacklist.ts";
import { DiversityMask } from "./masks/diversity.ts";
import { NgramBlacklistMask } from "./masks/ngram-blacklist.ts";
import { NsfwMask } from "./masks/nsfw.ts";
import { RelevanceMask } from "./masks/relevance.ts";
import { TaskValidatorMask } from "./masks/task-validator.ts";
import { DahoasReward } from "./models/dahoas.ts";
import { DpoReward } from "./models/dpo.ts";
import { PromptReward } from "./models/prompt.ts";
import { ReciprocateReward } from "./models/reciprocate.ts";
import { RelevanceReward } from "./models/relevance.ts";
import { RlhfReward } from "./models/rlhf.ts";
import { createPenalties, type PenaltyChoice, penaltyChoice } from "./penalties/presets.ts";
import { type Mask, type RewardModel, RewardPipeline, type RewardsCode } from "./pipeline.ts";
import type { ServedModels } from "./served.ts";

const cosineBound = z.number().min(0).max(1);

const profileShape = z.strictObject({
  id: z.string().min(1),
  /** Reward models with the model that serves each and its share of the reward. */
  rewards: z
    .array(z.strictObject({ name: z.string(), model: z.string(), weight: z.number().min(0).max(1) }))
    .min(1),
  relevance: z.strictObject({
    model: z.string(),
    minCosine: cosineBound,
    /** A second encoder and the smallest −RMSE of its vectors that passes. */
    distance: z.strictObject({ model: z.string(), minNegativeRmse: z.number().max(0) }).optional(),
  }),
  /** Factor = sigmoid(slope · distance − shift), for the batch and for the history. */
  diversity: z.strictObject({
    model: z.string(),
    batchSlope: z.number().positive(),
    batchShift: z.number(),
    historySlope: z.number().positive(),
    historyShift: z.number(),
  }),
  /** A hate classifier and the largest of its scores that passes; without it there is no such mask. */
  nsfw: z.strictObject({ model: z.string(), maxScore: z.number() }).optional(),
  /** Without it there are none but the operator's. */
  penalties: z.array(penaltyChoice).optional(),
  /** Where a model comes from, for people: `onnx` says whether its repository has the file or we have to make it. */
  sources: z
    .record(
      z.string(),
      z.strictObject({
        repo: z.string(),
        revision: z
          .string()
          .regex(/^[0-9a-f]{40}$/)
          .optional(),
        onnx: z.enum(["in-repo", "to-be-exported"]),
      }),
    )
    .optional(),
});

/** Which model plays which role in scoring, with the bounds that belong to it: models/profiles/*.json. */
export type Profile = z.infer<typeof profileShape>;

/** @throws Failure `rewards.bad-profile` when the value has another shape, with the first place that is wrong */
export function readProfile(value: unknown): Profile {
  const parsed = profileShape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Failure<RewardsCode>("rewards.bad-profile", {
    message: `the scoring profile is wrong at ${issue.path.join(".") || "its top"}: ${issue.message}`,
    hint: "compare it with models/profiles/embedded.json",
    cause: parsed.error,
  });
}

/** Switches and weights of the operator. */
interface OperatorChoice {
  /** Weights given by the operator, by reward name; they replace the profile's. */
  weights?: Record<string, number>;
  /** Masks the operator switched off. */
  off?: {
    blacklist?: boolean;
    taskValidator?: boolean;
    relevance?: boolean;
    diversity?: boolean;
    nsfw?: boolean;
  };
  /** The operator wants the blacklist of n-grams, which no profile has. */
  ngramBlacklist?: boolean;
  /** Penalties of the operator; each replaces the profile's of its name. */
  penalties?: readonly PenaltyChoice[];
}

export interface PipelineParts extends OperatorChoice {
  /** What the model names of the profile stand for. */
  models: ServedModels;
  /** Listed phrases; ours when left out. */
  phrases?: readonly string[];
}

/** Makes one reward model out of the model that serves it. */
type Maker = (models: ServedModels, model: string, embedder: TextEmbedder) => RewardModel;

const MAKERS: Readonly<Record<string, Maker>> = {
  relevance_reward_model: (_models, _model, embedder) => new RelevanceReward(embedder),
  dpo_reward_model: (models, model) =>
    new DpoReward((pairs, penalty) => models.logProb(model, pairs, penalty)),
  rlhf_reward_model: (models, model) => new RlhfReward((inputs) => models.classify(model, inputs)),
  reciprocate_reward_model: (models, model) =>
    new ReciprocateReward((inputs) => models.classify(model, inputs)),
  dahoas_reward_model: (models, model) => new DahoasReward((inputs) => models.classify(model, inputs)),
  prompt_reward_model: (models, model) => new PromptReward((prompts) => models.digitScores(model, prompts)),
};

/**
 * Rewards of the profile that count, with the operator's weights.
 * @throws Failure `rewards.bad-profile` for a weight on a reward that the profile or this program does not have
 */
function activeRewards(profile: Profile, weights: Record<string, number>): Profile["rewards"] {
  const strange = Object.keys(weights).find(
    (name) => weights[name]! > 0 && profile.rewards.every((reward) => reward.name !== name),
  );
  if (strange !== undefined) throw unknownReward(strange, `the profile "${profile.id}" has no such model`);
  const weighted = profile.rewards.map((reward) => ({
    ...reward,
    weight: weights[reward.name] ?? reward.weight,
  }));
  const active = weighted.filter(({ weight }) => weight > 0);
  // Without any, the pipeline says what is wrong with the weights.
  return active.length > 0 ? active : weighted;
}

/** Models that scoring with a profile will ask for, each once. */
export function modelsOf(profile: Profile, { weights = {}, off = {} }: OperatorChoice): string[] {
  const { relevance, diversity, nsfw } = profile;
  return [
    ...new Set([
      ...activeRewards(profile, weights).map(({ model }) => model),
      ...(off.relevance ? [] : [relevance.model, ...(relevance.distance ? [relevance.distance.model] : [])]),
      ...(off.diversity ? [] : [diversity.model]),
      ...(off.nsfw || nsfw === undefined ? [] : [nsfw.model]),
    ]),
  ];
}

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

  const models = activeRewards(profile, weights).map(({ name, model, weight }) => {
    const make = MAKERS[name];
    if (make === undefined) throw unknownReward(name, "this program has no such reward model");
    return { model: make(served, model, embeddingsOf(model)), weight };
  });

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
        maxScore: nsfw.maxScore,
      }),
    );
  return new RewardPipeline({
    models,
    masks,
    penalties: createPenalties([...penalties, ...(profile.penalties ?? [])]),
    embeddings: [...shared.values()],
  });
}

function unknownReward(name: string, reason: string): Failure<RewardsCode> {
  return new Failure("rewards.bad-profile", {
    message: `the reward ${name} cannot be computed: ${reason}`,
    hint: "set its weight to 0, or choose another profile",
  });
}
