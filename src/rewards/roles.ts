import { Failure } from "../base/error.ts";
import type { ModelRole } from "../config/scoring-options.ts";
import type { WantedDtypes } from "../inference/protocol.ts";
import { chosenMasks, type MaskChoice } from "./masks/table.ts";
import { REWARD_MODELS } from "./models/table.ts";
import type { RewardsCode } from "./parts.ts";
import type { PenaltyChoice } from "./penalties/presets.ts";
import type { Profile, ProfileModel } from "./profile.ts";

/** Switches and weights of the operator. */
export interface OperatorChoice {
  /** Weights given by the operator, by reward name; they replace the profile's. */
  weights?: Record<string, number>;
  masks?: MaskChoice;
  /** Nothing is computed that counts for nothing. */
  isShadowOff?: boolean;
  /** Penalties of the operator; each replaces the profile's of its name. */
  penalties?: readonly PenaltyChoice[];
  /** Most that a slow answer loses, 0..1. */
  timeWeight?: number;
}

/** Weights come as decimals, so 0.3 + 0.4 + 0.3 must count as 1, and so may three times 0.333. */
const WEIGHT_TOLERANCE = 2e-3;

/** What the weights of the rewards that count come to. @throws Failure `rewards.bad-weights` where that is not about 1 */
export function sumOfWeights(rewards: readonly { name: string; weight: number }[]): number {
  const sum = rewards.reduce((total, { weight }) => total + weight, 0);
  if (Math.abs(sum - 1) <= WEIGHT_TOLERANCE && rewards.every(({ weight }) => weight >= 0)) return sum;
  const each = rewards.map(({ name, weight }) => `${name.replace(/_reward_model$/, "")} ${weight}`);
  throw new Failure<RewardsCode>("rewards.bad-weights", {
    message: `the weights of the reward models sum to ${Number(sum.toPrecision(6))}, not to 1: ${each.join(", ")}`,
    hint: "give weights that sum to 1 with the --reward.*_weight flags, or leave them out",
  });
}

/**
 * Rewards of the profile that count, with the operator's weights.
 * @throws Failure `rewards.bad-profile` for a weight on a reward that the profile or this program does not have,
 * `rewards.bad-weights` where they do not sum to 1
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
  sumOfWeights(weighted);
  return weighted.filter(({ weight }) => weight > 0);
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
 * @throws Failure `rewards.bad-profile`, `rewards.bad-weights` as createPipeline
 */
export function rolesOf(
  profile: Profile,
  { weights = {}, masks = {}, isShadowOff = false }: OperatorChoice,
): RoleModel[] {
  const needed = (role: ModelRole, { model, dtype }: ProfileModel): RoleModel => ({
    role,
    model,
    ...(dtype && { dtypes: dtype }),
  });
  const rewards = activeRewards(profile, weights).toSorted((a, b) => b.weight - a.weight);
  return [
    ...rewards.map((reward) => needed(roleOf(reward.name), reward)),
    ...chosenMasks(masks).flatMap(({ role, modelsIn }) =>
      role === undefined ? [] : (modelsIn?.(profile) ?? []).map((model) => needed(role, model)),
    ),
    ...(isShadowOff ? [] : (profile.shadow ?? [])).map((scorer) => ({
      ...needed("shadow", scorer),
      isOptional: true,
    })),
  ];
}

function roleOf(name: string): ModelRole {
  const kind = REWARD_MODELS[name];
  if (kind === undefined) throw unknownReward(name, "this program has no such reward model");
  return kind.role;
}

export function unknownReward(name: string, reason: string): Failure<RewardsCode> {
  return new Failure("rewards.bad-profile", {
    message: `the reward ${name} cannot be computed: ${reason}`,
    hint: "set its weight to 0, or choose another profile",
  });
}
