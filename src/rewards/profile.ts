import { z } from "zod";
import { Failure } from "../base/error.ts";
import { dtypeSchema } from "../models/manifest.ts";
import { NSFW_RULES } from "./masks/nsfw.ts";
import type { RewardsCode } from "./parts.ts";
import { penaltyChoice } from "./penalties/presets.ts";

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
  /** An encoder that tells whether words are in their order, and the bound of masks/order.ts. */
  order: z
    .strictObject({
      ...served,
      middle: z.number().min(0).max(1),
      slack: z.number().min(0),
      width: z.number().positive(),
    })
    .optional(),
  /** An encoder by which what the reward models give counts only as far as an answer does what was asked. */
  fit: z.strictObject(served).optional(),
  /** Whether mosaics and splices of the text's own words cost the reward. */
  borrowing: z.boolean().optional(),
  /** Whether a sentence of the text with a negation or a number changed costs the reward. */
  contradiction: z.boolean().optional(),
  /** Whether fragments and lengths that no reader wants cost the reward. */
  form: z.boolean().optional(),
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

const modelShape = z.object(served);
/** A model that the profile gives a role, and its dtypes. */
export type ProfileModel = z.infer<typeof modelShape>;

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
