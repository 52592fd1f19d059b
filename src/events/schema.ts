import { z } from "zod";

/** Version of the events written by this program; readers accept this one and older ones. */
export const EVENT_VERSION = 1;

const common = {
  version: z.literal(EVENT_VERSION),
  /** ISO 8601, when the event was made. */
  time: z.string(),
  genesis: z.string(),
  netuid: z.int(),
  hotkey: z.string(),
  block: z.int(),
};

const numberOrNull = z.number().nullable();

/** What columns of shadow scores begin with; one beside them that ends in `_uids` tells who gave them. */
export const SHADOW_PREFIX = "shadow_";
export const RATERS_SUFFIX = "_uids";

/**
 * One question to a sample of miners. Names are those of openvalidators 1.2.0 where it had the field; lists run in
 * step with `uids`. Columns of rewards and masks, `<name>` and `<name>_normalized`, and of penalties, `<name>_raw`,
 * `_adjusted` and `_applied` (text-prompting 2.1), stand beside the fixed fields.
 */
export const stepEvent = z
  .object({
    ...common,
    kind: z.literal("step"),
    /** augment, followup0, answer0, followup1, … */
    name: z.string(),
    /** Same for all steps of one forward pass. */
    forward: z.string(),
    /** Seconds. */
    step_length: z.number(),
    prompt: z.string(),
    uids: z.array(z.int()),
    hotkeys: z.array(z.string()),
    completions: z.array(z.string()),
    /** Seconds; the wall time of the call, failed ones included. */
    completion_times: z.array(z.number()),
    completion_status_codes: z.array(z.int()),
    completion_status_messages: z.array(z.string()),
    rewards: z.array(z.number()),
    gating_loss: numberOrNull,
    /** The best completion; empty when nobody answered. */
    best: z.string(),
    /** Columns in which NaN was written as null (the miner failed, or a model gave no number). */
    nan_columns: z.array(z.string()),
  })
  .catchall(z.array(numberOrNull));

/** Weights that were sent to the chain, or could not be. */
export const weightsEvent = z.object({
  ...common,
  kind: z.literal("weights"),
  path: z.enum(["plain", "timelocked"]).nullable(),
  uids: z.array(z.int()),
  /** u16 as on chain. */
  values: z.array(z.int()),
  reveal_round: z.int().nullable(),
  extrinsic: z.string().nullable(),
  error: z.string().nullable(),
});

/** What became of committed weights: the chain drops a commit that it cannot use without a word. */
export const revealEvent = z.object({
  ...common,
  kind: z.literal("reveal"),
  /** Block of the commit. */
  committed: z.int(),
  error: z.string().nullable(),
});

/** Moving scores with the hotkeys they belong to, at a checkpoint. */
export const scoresEvent = z.object({
  ...common,
  kind: z.literal("scores"),
  hotkeys: z.array(z.string()),
  moving_averaged_scores: z.array(z.number()),
});

export const anyEvent = z.discriminatedUnion("kind", [stepEvent, weightsEvent, revealEvent, scoresEvent]);

/** The fixed fields of a step; `columnsOf` gives the others. */
export type StepEvent = { [Name in FixedField]: z.infer<typeof stepEvent>[Name] };
type FixedField = keyof typeof stepEvent.shape;
export type WeightsEvent = z.infer<typeof weightsEvent>;
export type RevealEvent = z.infer<typeof revealEvent>;
export type ScoresEvent = z.infer<typeof scoresEvent>;
export type Event = StepEvent | WeightsEvent | RevealEvent | ScoresEvent;

/** Columns of the single reward models and masks of a step, each in step with `uids`. */
export function columnsOf(event: StepEvent): Record<string, (number | null)[]> {
  const others = Object.entries(event).filter(([name]) => !(name in stepEvent.shape));
  return Object.fromEntries(others) as Record<string, (number | null)[]>;
}
