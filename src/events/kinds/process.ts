import { z } from "zod";

/** Kinds that tell of this process: its start, its end, its models. */

/** A model of the profile as this run uses it. */
const modelInUse = z.object({
  id: z.string(),
  /** What it does here: names of rewards, masks and penalties, `gating`. */
  roles: z.array(z.string()),
  dtype: z.string().nullable(),
  /** `webgpu`, `cpu`, … as placed at the start; `model` events tell what became of it. */
  device: z.string().nullable(),
  /** Of the graph file, hex. null for a model that the executable carries within itself. */
  sha256: z.string().nullable(),
});

/** The first event of a process: what runs, where, and with which settings. */
export const runBody = z.object({
  kind: z.literal("run"),
  /** Version of openvalidator. */
  program: z.string(),
  /** Git commit of the build; null when it runs from a tree without one. */
  commit: z.string().nullable(),
  /** Platform the executable was built for: `linux-x64`, … */
  target: z.string(),
  /** Scoring profile: its id. */
  profile: z.string(),
  models: z.array(modelInUse),
  /** By flag (`neuron.device`): the value in force and where it came from. Secrets are never among them. */
  settings: z.record(z.string(), z.object({ value: z.json(), origin: z.string() })),
  uid: z.int(),
  /** Whether this hotkey had a validator permit. */
  permit: z.boolean(),
  /** Stake behind this hotkey, TAO. */
  stake_tao: z.number(),
  /** Version key that goes with the weights (openvalidators' spec version). */
  spec_version: z.int(),
  /** Chain endpoint with user, password and keys left out. */
  endpoint: z.string(),
  /** Steps since the state was made, before this run. */
  steps: z.int(),
  /** Whether this run sets weights at all. */
  sets_weights: z.boolean(),
  /** Blocks from one setting of weights to the next: the tempo, or what replaces it. */
  epoch_blocks: z.int().nullable(),
  /** Block of this validator's last weights on chain, or of its registration; null when it is not known. */
  last_weights_block: z.int().nullable(),
  /** Block from which on the next weights are due, where that is not an epoch after the last ones (`--weights.before_epoch`). */
  next_weights_block: z.int().optional(),
  /** Mechanisms of the subnet that get weights, with their share of its emission, 0..1; `last_weights_block` is the earliest of theirs. */
  mechanisms: z
    .array(z.object({ mecid: z.int(), share: z.number(), last_weights_block: z.int() }))
    .optional(),
});

/** The last event of a process that ended in order. A run without one was killed. */
export const stopBody = z.object({
  kind: z.literal("stop"),
  /** `signal`, `done` (the wanted passes), the code of the failure that ended the run, or `unexpected`. */
  reason: z.string(),
  /** What the process is about to exit with. */
  exit_code: z.int(),
  /** Steps since the state was made, this run's included. */
  steps: z.int(),
});

/** What happened to a model in the inference process. */
export const modelBody = z.object({
  kind: z.literal("model"),
  model: z.string(),
  /**
   * loaded · tried (on its golden numbers) · shed (given up for memory, loaded again when needed) · moved (to another
   * device) · restarted (with its process) · lost (its process or device died) · left-out (the run goes on without it).
   */
  state: z.enum(["loaded", "tried", "shed", "moved", "restarted", "lost", "left-out"]),
  device: z.string().nullable(),
  dtype: z.string().nullable(),
  /** How long it took, milliseconds. */
  ms: z.number().nullable(),
  /** Memory of its weights on the device, bytes. */
  bytes: z.number().nullable(),
  /** One sentence for people: why, or the largest deviation from the golden numbers. */
  detail: z.string().nullable(),
});

/** The gating layer was written to a file, for whoever shows it (`--wandb.track_gating_model`). */
export const gatingBody = z.object({
  kind: z.literal("gating"),
  /** Model that encodes prompts. */
  encoder: z.string(),
  /** Name of the file in the state folder; the next one takes its place. Format: safetensors, `weight` [rows, hidden], `bias` [rows]. */
  file: z.string().regex(/^\w[\w.-]*$/),
  bytes: z.int(),
  /** Of the file, hex. */
  sha256: z.string(),
  /** One per uid. */
  rows: z.int(),
  hidden: z.int(),
  /** Steps that the layer was trained by. */
  trained: z.int(),
});

/**
 * What became of releases on this machine. Another process looks for them, puts them in place and judges them; the validator
 * reads its record and tells what is new there. At the start of a run it tells once more how things stand, with the `at` of
 * the first time.
 */
export const updateBody = z.object({
  kind: z.literal("update"),
  /**
   * A look: checked (nothing newer) · available (`to` is for this machine) · waiting (`to` is not yet, or not now) ·
   * downloaded · failed (`reason` says what). A release: installed (in place, on trial) · confirmed (it is well) ·
   * rolled-back (it was not: `to` is in place again) · failed (and what was before did not come back).
   */
  state: z.enum([
    "checked",
    "available",
    "waiting",
    "downloaded",
    "installed",
    "confirmed",
    "rolled-back",
    "failed",
  ]),
  /** ISO 8601, when it came about, by the clock of whoever updates. */
  at: z.string(),
  /** Version that was in place until then. */
  from: z.string().nullable(),
  /** Version that is meant, or in place now. */
  to: z.string().nullable(),
  channel: z.string().nullable(),
  /** Of the release that a look found, as signed. */
  urgency: z.enum(["low", "medium", "high"]).nullable(),
  /** Of what failed: the code of the failure, `update.unreachable` for one; else null. */
  reason: z.string().nullable(),
  /** One sentence for people. */
  detail: z.string().nullable(),
  /** Whether nobody watched: a timer or a supervising parent looked. */
  unattended: z.boolean(),
  /** ISO 8601, the last look that was answered by a server; null before the first. */
  answered_at: z.string().nullable(),
  /** Release that is in place and has not shown yet that it is well. */
  on_trial: z.string().nullable(),
  /** Releases that were taken back on this machine, as far as its record goes back. */
  rollbacks: z.int(),
});
