import { z } from "zod";
import { Failure } from "../base/error.ts";
import { dtypeSchema } from "../inference/manifest.ts";
import type { WantedDtypes } from "../inference/protocol.ts";
import { StepEmbeddings, type TextEmbedder } from "./embeddings.ts";
import { BlacklistMask } from "./masks/blacklist.ts";
import { DiversityMask } from "./masks/diversity.ts";
import { NSFW_RULES, NsfwMask } from "./masks/nsfw.ts";
import { RelevanceMask } from "./masks/relevance.ts";
import { TaskValidatorMask } from "./masks/task-validator.ts";
import { DahoasReward } from "./models/dahoas.ts";
import { DpoReward } from "./models/dpo.ts";
import { type PreferenceName, PreferenceReward } from "./models/preference.ts";
import { PromptReward } from "./models/prompt.ts";
import { RelevanceReward } from "./models/relevance.ts";
import { type Mask, type RewardModel, RewardPipeline, type RewardsCode } from "./pipeline.ts";
import type { ServedModels } from "./served.ts";
import { ShadowScorer } from "./shadow.ts";

const cosineBound = z.number().min(0).max(1);

/** A model that plays a role, and in which dtype on which kind of device; the manifest's preference when left out. */
const served = {
  model: z.string(),
  dtype: z.partialRecord(z.enum(["webgpu", "cpu"]), dtypeSchema).optional(),
};

const profileShape = z.strictObject({
  id: z.string().min(1),
  /** Reward models with the model that serves each and its share of the reward. */
  rewards: z.array(z.strictObject({ name: z.string(), ...served, weight: z.number().min(0).max(1) })).min(1),
  relevance: z.strictObject({
    ...served,
    minCosine: cosineBound,
    /** A second encoder and the smallest −RMSE of its vectors that passes. */
    distance: z.strictObject({ ...served, minNegativeRmse: z.number().max(0) }).optional(),
  }),
  /** Factor = sigmoid(slope · distance − shift), for the batch and for the history. */
  diversity: z.strictObject({
    ...served,
    batchSlope: z.number().positive(),
    batchShift: z.number(),
    historySlope: z.number().positive(),
    historyShift: z.number(),
  }),
  /** A classifier of hate or poison, how its logits are read, and the largest score that passes. */
  nsfw: z.strictObject({ ...served, rule: z.enum(NSFW_RULES), maxScore: z.number() }).optional(),
  /** Reward models that are computed beside the others and written to the events, and count for nothing. */
  shadow: z.array(z.strictObject({ name: z.string(), ...served })).optional(),
  /** Encoder of the gating model, where --gating.model_name names none. */
  gating: z.strictObject(served).optional(),
});

/** Which model plays which role in scoring, with the bounds that belong to it: models/profiles/*.json. */
export type Profile = z.infer<typeof profileShape>;

/**
 * @param name for messages
 * @throws Failure `rewards.bad-profile` when the value has another shape, with the first place that is wrong
 */
export function readProfile(value: unknown, name = "the scoring profile"): Profile {
  const parsed = profileShape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Failure<RewardsCode>("rewards.bad-profile", {
    message: `${name} is wrong at ${issue.path.join(".") || "its top"}: ${issue.message}`,
    hint: "compare it with models/profiles/embedded.json",
    cause: parsed.error,
  });
}

/** What the operator can switch off. */
export const SWITCHES = ["blacklist", "taskValidator", "relevance", "diversity", "nsfw", "shadow"] as const;

/** Switches and weights of the operator. */
interface OperatorChoice {
  /** Weights given by the operator, by reward name; they replace the profile's. */
  weights?: Record<string, number>;
  off?: Partial<Record<(typeof SWITCHES)[number], boolean>>;
}

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

/** Roles that a model can play, by the names that --neuron.device knows. */
export const ROLES = [
  "dpo",
  "rlhf",
  "reciprocate",
  "dahoas",
  "prompt",
  "relevance",
  "diversity",
  "nsfw",
  "shadow",
  "gating",
] as const;
export type Role = (typeof ROLES)[number];

/** A model that a role needs. */
export interface RoleModel {
  role: Role;
  model: string;
  dtypes?: WantedDtypes | undefined;
  /** Given up when memory is short: nothing that counts depends on it. */
  isOptional?: boolean;
}

/**
 * Models that scoring with a profile will ask for, in the order in which they are loaded: rewards by their weight, masks,
 * then shadow scorers, which are the first to go. A model in two roles comes twice.
 * @throws Failure `rewards.bad-profile` as createPipeline
 */
export function rolesOf(profile: Profile, { weights = {}, off = {} }: OperatorChoice): RoleModel[] {
  const { relevance, diversity, nsfw, shadow = [] } = profile;
  const needed = (
    role: Role,
    { model, dtype }: { model: string; dtype?: WantedDtypes | undefined },
  ): RoleModel => ({
    role,
    model,
    ...(dtype && { dtypes: dtype }),
  });
  const rewards = activeRewards(profile, weights).toSorted((a, b) => b.weight - a.weight);
  return [
    ...rewards.map((reward) => needed(roleOf(reward.name), reward)),
    ...(off.relevance ? [] : [relevance, ...(relevance.distance ? [relevance.distance] : [])]).map((part) =>
      needed("relevance", part),
    ),
    ...(off.diversity ? [] : [needed("diversity", diversity)]),
    ...(off.nsfw || nsfw === undefined ? [] : [needed("nsfw", nsfw)]),
    ...(off.shadow ? [] : shadow).map((scorer) => ({ ...needed("shadow", scorer), isOptional: true })),
  ];
}

/** dpo_reward_model is the role dpo; the relevance reward shares the role of its mask. */
function roleOf(name: string): Role {
  const role = ROLES.find((known) => name === `${known}_reward_model`);
  if (role === undefined) throw unknownReward(name, "this program has no such reward model");
  return role;
}

/**
 * Puts together what a profile describes. Models and masks on the same encoder share its embeddings within a step.
 * @throws Failure `rewards.bad-profile` for a reward this program does not have, `rewards.bad-weights` as the pipeline
 */
export function createPipeline(profile: Profile, parts: PipelineParts): RewardPipeline {
  const { models: served, weights = {}, off = {}, phrases } = parts;
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
  return new RewardPipeline({ models, masks, shadow, embeddings: [...shared.values()] });
}

function unknownReward(name: string, reason: string): Failure<RewardsCode> {
  return new Failure("rewards.bad-profile", {
    message: `the reward ${name} cannot be computed: ${reason}`,
    hint: "set its weight to 0, or choose another profile",
  });
}
