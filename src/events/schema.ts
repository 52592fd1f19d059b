import { z } from "zod";
import { chainBody, diskBody, metagraphBody, minersBody } from "./kinds/outside.ts";
import { gatingBody, modelBody, runBody, stopBody, updateBody } from "./kinds/process.ts";
import { forwardBody, stepBody } from "./kinds/step.ts";
import { revealBody, scoresBody, weightsBody } from "./kinds/weights.ts";
import { anyEventV1, type EventV1, type StepEventV1 } from "./version-1.ts";

export { RATERS_SUFFIX, SHADOW_PREFIX } from "./kinds/step.ts";

/** Version of the events written by this program; readers accept this one and version 1. */
export const EVENT_VERSION = 2;

/** What every event has; the feed stamps it. */
export const eventBase = z.object({
  version: z.literal(EVENT_VERSION),
  /** ISO 8601, when the event was made. */
  time: z.string(),
  /** Hash of the chain's first block. */
  genesis: z.string(),
  netuid: z.int(),
  /** Of the validator, SS58. */
  hotkey: z.string(),
  /** The chain's head when the event was made, or the block it tells of; 0 before the chain is reached. */
  block: z.int(),
  /** UUID of the process run. */
  run: z.string(),
  /** 0, 1, 2, … within the run; a gap is events that were lost. */
  sequence: z.int(),
});

/** Every kind with its body. The kinds are told apart by the rooms of kinds/, where each field has its unit. */
export const EVENT_KINDS = {
  run: runBody,
  stop: stopBody,
  model: modelBody,
  gating: gatingBody,
  chain: chainBody,
  forward: forwardBody,
  step: stepBody,
  weights: weightsBody,
  reveal: revealBody,
  scores: scoresBody,
  metagraph: metagraphBody,
  miners: minersBody,
  disk: diskBody,
  update: updateBody,
} as const;

type Kinds = typeof EVENT_KINDS;
export type EventKind = keyof Kinds;
/** The declared fields of each kind; the columns of a step are beside them (`columnsOf`). */
type Bodies = { [Kind in EventKind]: Declared<Kinds[Kind]["shape"]> };
type Declared<Shape extends z.ZodRawShape> = {
  [Name in Exclude<keyof Shape, Later<Shape>>]: z.infer<Shape[Name]>;
} & { [Name in Later<Shape>]?: z.infer<Shape[Name]> };
/** Fields that a later program added to a kind: absent in events of before. */
type Later<Shape extends z.ZodRawShape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodOptional ? Name : never;
}[keyof Shape];

/** What who emits gives: an event without the common fields. */
export type EventBody = Bodies[EventKind];
export type EventBase = z.infer<typeof eventBase>;
export type EventOf<Kind extends EventKind> = EventBase & Bodies[Kind];
export type Event = { [Kind in EventKind]: EventOf<Kind> }[EventKind];

export type RunBody = Bodies["run"];
export type StopBody = Bodies["stop"];
export type ForwardBody = Bodies["forward"];
export type StepBody = Bodies["step"];
export type WeightsBody = Bodies["weights"];
export type RevealBody = Bodies["reveal"];
export type UpdateBody = Bodies["update"];
export type RunEvent = EventOf<"run">;
export type GatingEvent = EventOf<"gating">;
export type StepEvent = EventOf<"step">;
export type WeightsEvent = EventOf<"weights">;
export type RevealEvent = EventOf<"reveal">;
export type ScoresEvent = EventOf<"scores">;

/** An event as a journal may hold it. */
export type AnyEvent = Event | EventV1;

const events = new Map<string, z.ZodType>(
  Object.entries(EVENT_KINDS).map(([kind, body]) => [kind, body.extend(eventBase.shape)]),
);

/** The event in a parsed line; undefined when it is none of a known version and kind, or not in its shape. */
export function parseEvent(raw: unknown): AnyEvent | undefined {
  const { version, kind } = (raw ?? {}) as { version?: unknown; kind?: unknown };
  const schema = version === EVENT_VERSION ? events.get(String(kind)) : anyEventV1;
  const result = schema?.safeParse(raw);
  return result?.success ? (result.data as AnyEvent) : undefined;
}

const FIXED_FIELDS = new Set([...Object.keys(eventBase.shape), ...Object.keys(stepBody.shape)]);

/** Columns of the single reward models and masks of a step, each in step with `uids`. */
export function columnsOf(step: StepEvent | StepBody | StepEventV1): Record<string, (number | null)[]> {
  const others = Object.entries(step).filter(([name]) => !FIXED_FIELDS.has(name));
  return Object.fromEntries(others) as Record<string, (number | null)[]>;
}
