import { z } from "zod";

/** Kinds that tell of questions and answers. */

const numberOrNull = z.number().nullable();

/** What columns of shadow scores begin with; one beside them that ends in `_uids` tells who gave them. */
export const SHADOW_PREFIX = "shadow_";
export const RATERS_SUFFIX = "_uids";

/** The end of a forward pass, or why there was none. Its steps carry the same `forward`. */
export const forwardBody = z.object({
  kind: z.literal("forward"),
  /** Id of the pass. */
  forward: z.string(),
  /** ended: went its way to the last step that had a prompt · skipped: nothing was asked or counted · failed: by an error. */
  outcome: z.enum(["ended", "skipped", "failed"]),
  /** Why it ended early, was skipped or failed; null after a whole pass. */
  reason: z
    .enum(["nobody-answered", "too-poor", "outage", "no-miner", "no-permit", "stopping", "error"])
    .nullable(),
  /** One sentence for people; a stranger's text is not in it. */
  cause: z.string().nullable(),
  /** Steps of this pass that were recorded. */
  steps: z.int(),
  /** Wall time, seconds. */
  seconds: z.number(),
  /** Calls to miners in all steps. */
  asked: z.int(),
  /** Calls that reached a miner, whatever it answered. */
  reached: z.int(),
});

/** Milliseconds of the parts of a step; null for a part that did not take place. */
export const stepStages = z.object({
  /** Routing scores and the choice of miners. */
  choose_ms: numberOrNull,
  /** From the first call to the last reply. */
  ask_ms: numberOrNull,
  /** All rewards, masks and penalties; they run at once, so `parts` may add up to more. */
  judge_ms: numberOrNull,
  /** The router's learning. */
  train_ms: numberOrNull,
  /** The commit of the state. */
  save_ms: numberOrNull,
  /** By the name of the reward, mask or penalty. */
  parts: z.record(z.string(), z.number()),
});

/** What the inference process had to do for a step, summed over its requests, milliseconds. */
export const stepInference = z.object({
  /** From the request to the start of its batch. */
  queue_ms: z.number(),
  compute_ms: z.number(),
});

/**
 * One question to a sample of miners. Names are those of openvalidators 1.2.0 where it had the field; lists run in
 * step with `uids`. Columns of rewards and masks, `<name>` and `<name>_normalized`, and of penalties, `<name>_raw`,
 * `_adjusted` and `_applied` (text-prompting 2.1), stand beside the fixed fields.
 */
export const stepBody = z
  .object({
    kind: z.literal("step"),
    /** Running number since the state was made, from 1. */
    step: z.int(),
    /** augment, followup0, answer0, followup1, … */
    name: z.string(),
    task: z.enum(["augment", "followup", "answer"]),
    /** Who wants the answer: a text of the dataset, or a user of the subnet. */
    origin: z.enum(["dataset", "organic"]),
    /** Same for all steps of one forward pass. */
    forward: z.string(),
    /** Wall time, seconds. */
    step_length: z.number(),
    stages: stepStages,
    /** null when nothing was asked of the inference process. */
    inference: stepInference.nullable(),
    prompt: z.string(),
    /** Text that masks compare completions with: base text, summary or question. */
    base_prompt: z.string(),
    uids: z.array(z.int()),
    hotkeys: z.array(z.string()),
    /** Empty for a miner that gave none. */
    completions: z.array(z.string()),
    /** Seconds; the wall time of the call, failed ones included. */
    completion_times: z.array(z.number()),
    /** HTTP-like: 200 is an answer, 408 too late, 503 unreachable. */
    completion_status_codes: z.array(z.int()),
    completion_status_messages: z.array(z.string()),
    /** 0..1. */
    rewards: z.array(z.number()),
    /** 1 for a miner that the router chose, 0 for one that was drawn at random; absent in steps of before this was told. */
    routed: z.array(z.union([z.literal(0), z.literal(1)])).optional(),
    gating_loss: numberOrNull,
    /** The best completion; empty when nobody answered. */
    best: z.string(),
    /** Columns in which NaN was written as null (the miner failed, or a model gave no number). */
    nan_columns: z.array(z.string()),
    /** false = an outage of our own: neither scores nor router nor statistics learned from it. */
    counted: z.boolean(),
    /** Why it did not count, one sentence for people; null when it did. */
    cause: z.string().nullable(),
  })
  .catchall(z.array(numberOrNull));
