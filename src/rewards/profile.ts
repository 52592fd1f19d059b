import { z } from "zod";
import { Failure } from "../base/error.ts";
import { MODEL_ROLES, type ModelRole } from "../config/scoring-options.ts";
import type { WantedDtypes } from "../inference/protocol.ts";
import { dtypeSchema } from "../models/manifest.ts";
import { NSFW_RULES } from "./masks/nsfw.ts";
import type { RewardsCode } from "./parts.ts";
import { type PenaltyChoice, penaltyChoice } from "./penalties/presets.ts";

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
  /** Without it there are none but the operator's. */
  penalties: z.array(penaltyChoice).optional(),
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
export interface OperatorChoice {
  /** Weights given by the operator, by reward name; they replace the profile's. */
  weights?: Record<string, number>;
  off?: Partial<Record<(typeof SWITCHES)[number], boolean>>;
  /** The operator wants the blacklist of n-grams, which no profile has. */
  ngramBlacklist?: boolean;
  /** Penalties of the operator; each replaces the profile's of its name. */
  penalties?: readonly PenaltyChoice[];
}

/**
 * Rewards of the profile that count, with the operator's weights.
 * @throws Failure `rewards.bad-profile` for a weight on a reward that the profile or this program does not have
 */
export function activeRewards(profile: Profile, weights: Record<string, number>): Profile["rewards"] {
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

/** A model that a role needs. */
export interface RoleModel {
  role: ModelRole;
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
    role: ModelRole,
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
function roleOf(name: string): ModelRole {
  const role = MODEL_ROLES.find((known) => name === `${known}_reward_model`);
  if (role === undefined) throw unknownReward(name, "this program has no such reward model");
  return role;
}

export function unknownReward(name: string, reason: string): Failure<RewardsCode> {
  return new Failure("rewards.bad-profile", {
    message: `the reward ${name} cannot be computed: ${reason}`,
    hint: "set its weight to 0, or choose another profile",
  });
}
