import { z } from "zod";

/** Version of the events that openvalidator 0.1.0 wrote. Their journals stay readable; nothing new is added here. */
export const EVENT_VERSION_1 = 1;

const common = {
  version: z.literal(EVENT_VERSION_1),
  /** ISO 8601, when the event was made. */
  time: z.string(),
  genesis: z.string(),
  netuid: z.int(),
  hotkey: z.string(),
  block: z.int(),
};

const numberOrNull = z.number().nullable();

/** One question to a sample of miners; the fields mean what they mean in version 2 (kinds/step.ts). */
export const stepEventV1 = z
  .object({
    ...common,
    kind: z.literal("step"),
    name: z.string(),
    forward: z.string(),
    /** Seconds. */
    step_length: z.number(),
    prompt: z.string(),
    uids: z.array(z.int()),
    hotkeys: z.array(z.string()),
    completions: z.array(z.string()),
    /** Seconds. */
    completion_times: z.array(z.number()),
    completion_status_codes: z.array(z.int()),
    completion_status_messages: z.array(z.string()),
    rewards: z.array(z.number()),
    gating_loss: numberOrNull,
    best: z.string(),
    nan_columns: z.array(z.string()),
  })
  .catchall(z.array(numberOrNull));

/** Weights that were sent to the chain, or could not be (`error`). */
export const weightsEventV1 = z.object({
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

/** What became of committed weights. */
export const revealEventV1 = z.object({
  ...common,
  kind: z.literal("reveal"),
  /** Block of the commit. */
  committed: z.int(),
  error: z.string().nullable(),
});

/** Moving scores with the hotkeys they belong to. */
export const scoresEventV1 = z.object({
  ...common,
  kind: z.literal("scores"),
  hotkeys: z.array(z.string()),
  moving_averaged_scores: z.array(z.number()),
});

export const anyEventV1 = z.discriminatedUnion("kind", [
  stepEventV1,
  weightsEventV1,
  revealEventV1,
  scoresEventV1,
]);

/** The fixed fields of a step; `columnsOf` of schema.ts gives the others. */
export type StepEventV1 = { [Name in keyof typeof stepEventV1.shape]: z.infer<typeof stepEventV1>[Name] };
export type WeightsEventV1 = z.infer<typeof weightsEventV1>;
export type RevealEventV1 = z.infer<typeof revealEventV1>;
export type ScoresEventV1 = z.infer<typeof scoresEventV1>;
export type EventV1 = StepEventV1 | WeightsEventV1 | RevealEventV1 | ScoresEventV1;
