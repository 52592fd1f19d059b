import { z } from "zod";
import { Failure } from "../base/error.ts";
import { StepEmbeddings, type TextEmbedder } from "./embeddings.ts";
import { BlacklistMask } from "./masks/blacklist.ts";
import { DiversityMask } from "./masks/diversity.ts";
import { RelevanceMask } from "./masks/relevance.ts";
import { TaskValidatorMask } from "./masks/task-validator.ts";
import { RelevanceReward } from "./models/relevance.ts";
import { type Mask, type RewardModel, RewardPipeline, type RewardsCode } from "./pipeline.ts";

const cosineBound = z.number().min(0).max(1);

const profileShape = z.strictObject({
  id: z.string().min(1),
  /** Reward models with the model that serves each and its share of the reward. */
  rewards: z
    .array(z.strictObject({ name: z.string(), model: z.string(), weight: z.number().min(0).max(1) }))
    .min(1),
  relevance: z.strictObject({ model: z.string(), minCosine: cosineBound }),
  /** Factor = sigmoid(slope · distance − shift), for the batch and for the history. */
  diversity: z.strictObject({
    model: z.string(),
    batchSlope: z.number().positive(),
    batchShift: z.number(),
    historySlope: z.number().positive(),
    historyShift: z.number(),
  }),
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

export interface PipelineParts {
  /** The encoder behind a model name of the profile. */
  embedderOf: (model: string) => TextEmbedder;
  /** Weights given by the operator, by reward name; they replace the profile's. */
  weights?: Record<string, number>;
  /** Masks the operator switched off. */
  off?: { blacklist?: boolean; taskValidator?: boolean; relevance?: boolean; diversity?: boolean };
  /** Listed phrases; ours when left out. */
  phrases?: readonly string[];
}

/**
 * Puts together what a profile describes. Models and masks on the same encoder share its embeddings within a step.
 * @throws Failure `rewards.bad-profile` for a reward this program does not have, `rewards.bad-weights` as the pipeline
 */
export function createPipeline(profile: Profile, parts: PipelineParts): RewardPipeline {
  const { embedderOf, weights = {}, off = {}, phrases } = parts;
  const shared = new Map<string, StepEmbeddings>();
  const embeddingsOf = (model: string): StepEmbeddings => {
    const known = shared.get(model) ?? new StepEmbeddings(embedderOf(model));
    shared.set(model, known);
    return known;
  };

  const models = profile.rewards.map(({ name, model, weight }) => ({
    model: rewardModel(name, embeddingsOf(model)),
    weight: weights[name] ?? weight,
  }));
  const strange = Object.keys(weights).find(
    (name) => weights[name]! > 0 && profile.rewards.every((reward) => reward.name !== name),
  );
  if (strange !== undefined) throw unknownReward(strange, `the profile "${profile.id}" has no such model`);

  const { relevance, diversity } = profile;
  const masks: Mask[] = [];
  if (!off.blacklist) masks.push(new BlacklistMask(phrases));
  if (!off.taskValidator) masks.push(new TaskValidatorMask());
  if (!off.relevance)
    masks.push(
      new RelevanceMask({ embedder: embeddingsOf(relevance.model), minCosine: relevance.minCosine }),
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
  return new RewardPipeline({ models, masks, embeddings: [...shared.values()] });
}

function rewardModel(name: string, embedder: TextEmbedder): RewardModel {
  if (name === "relevance_reward_model") return new RelevanceReward(embedder);
  throw unknownReward(name, "this program has no such reward model");
}

function unknownReward(name: string, reason: string): Failure<RewardsCode> {
  return new Failure("rewards.bad-profile", {
    message: `the reward ${name} cannot be computed: ${reason}`,
    hint: "set its weight to 0, or choose another profile",
  });
}
