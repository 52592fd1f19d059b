import type { Memory, MemoryChanges } from "../../base/vocabulary.ts";
import type { MovingScores } from "../../weights/scores.ts";

/** How much the scores rest on: what was counted while they were made. */
export interface Evidence {
  /** Steps that changed scores; those of an outage do not. */
  countedSteps: number;
  /** Blocks that passed while the validator ran and could count steps. */
  blocks: number;
}

/** What one step, or one reading of the metagraph, changed. A part that is absent stays as it was. */
export interface StepCommit {
  /** Steps since the state was made. */
  steps: number;
  evidence?: Evidence | undefined;
  /** Of all uids; what differs from the last commit is written. */
  scores?: MovingScores | undefined;
  judge?: MemoryChanges | undefined;
  router?: MemoryChanges | undefined;
}

/** What outlives a restart. */
export interface SavedState {
  /** ISO time at which the state was made. */
  created: string;
  steps: number;
  evidence: Evidence;
  scores: MovingScores;
  judge?: Memory;
  router?: Memory;
}

/** The parts that keep a memory. */
export const PARTS = ["judge", "router"] as const;
export type Part = (typeof PARTS)[number];

/** What became of weights: `prepared` before they are sent; `included` and `refused` are final. */
export type SubmissionState = "prepared" | "sent" | "included" | "refused";

/** Weights as they are about to be sent. */
export interface Submission {
  id: string;
  /** The mechanism that they are for; the subnet's first when left out, as before state version 4. */
  mecid?: number | undefined;
  /** Head when they were made, then the block that took them. */
  block: number;
  path: "plain" | "timelocked";
  uids: readonly number[];
  /** u16 as on chain, in step with `uids`. */
  values: readonly number[];
  /** Of the extrinsic; null where it was not kept, as before state version 3. */
  nonce?: number | null | undefined;
}

export interface SubmissionRecord extends Submission {
  mecid: number;
  nonce: number | null;
  state: SubmissionState;
  /** Hash of the extrinsic, once it is known. */
  extrinsic: string | null;
  error: string | null;
}

export interface Settlement {
  state: Exclude<SubmissionState, "prepared">;
  block?: number | undefined;
  extrinsic?: string | undefined;
  error?: string | undefined;
}

/** A commit that the chain has taken and not yet revealed. */
export interface StoredReveal {
  id: string;
  mecid: number;
  /** Block that took the commit. */
  committed: number;
  revealRound: number | null;
  /** Block in which the chain should reveal it. */
  revealBlock: number;
  /** Own uid at the commit. */
  uid: number;
  uids: readonly number[];
  values: readonly number[];
}
