import { z } from "zod";

/** Kinds that tell of scores and of what becomes of them on chain. */

/** A change in the setting of weights. One submission goes due → (waiting →) sent → included, or is refused. */
export const weightsBody = z.object({
  kind: z.literal("weights"),
  /** Mechanism of the subnet that they are for; absent for its first. */
  mecid: z.int().optional(),
  /**
   * due: an epoch has passed · waiting: due but held back, `reason` tells why · sent: given to the chain ·
   * included: in a block · refused: by the chain or by ourselves, `error` tells why.
   */
  state: z.enum(["due", "waiting", "sent", "included", "refused"]),
  /** plain: visible at once · timelocked: committed, opened by the chain at `reveal_round`. null before it is known. */
  path: z.enum(["plain", "timelocked"]).nullable(),
  uids: z.array(z.int()),
  /** u16 as on chain, in step with `uids`. */
  values: z.array(z.int()),
  /** As openvalidators 1.2.0 had it: [uid, weight] of every uid that got some, weights 0..1 with sum 1. */
  set_weights: z.array(z.tuple([z.int(), z.number()])),
  /** drand round at which the chain opens the commit. */
  reveal_round: z.int().nullable(),
  /** Hash, hex. */
  extrinsic: z.string().nullable(),
  /** What it waits for, a few words for people. */
  reason: z.string().nullable(),
  /** Why it was refused, one sentence. */
  error: z.string().nullable(),
  /** With `included`: miners that could be asked and were not, since the weights before. Absent where the run is younger than these. */
  unasked: z.int().optional(),
  /** Blocks until the next attempt, or with `included` until the next weights, where that is known. */
  blocks_left: z.int().nullable(),
});

/** What became of committed weights: the chain drops a commit that it cannot use without a word. */
export const revealBody = z.object({
  kind: z.literal("reveal"),
  /** Mechanism of the subnet; absent for its first. */
  mecid: z.int().optional(),
  /** pending: waits for its round · revealed · missing: the chain dropped it · unknown: the block could not be read. */
  state: z.enum(["pending", "revealed", "missing", "unknown"]),
  /** Block of the commit. */
  committed: z.int(),
  reveal_round: z.int().nullable(),
  /** One sentence for `missing` and `unknown`. */
  error: z.string().nullable(),
});

/** Moving scores with the hotkeys they belong to, at a checkpoint; index = uid. */
export const scoresBody = z.object({
  kind: z.literal("scores"),
  hotkeys: z.array(z.string()),
  /** 0..1. */
  moving_averaged_scores: z.array(z.number()),
  /** Times each was asked since it registered: how much its score rests on. */
  asked: z.array(z.int()),
});
