import type { Hotkey, Uid } from "./units.ts";

/** The words that several rooms share, each declared once. */

/** Which validator on which network: stands in every event and binds the state. */
export interface Identity {
  /** Hash of the chain's first block, with 0x. */
  genesis: string;
  netuid: number;
  /** SS58 address. */
  hotkey: string;
}

/** What a question asks of a miner. */
export type Task = "augment" | "followup" | "answer";

/** Who wants the answer: a text of the dataset, or a user of the subnet. */
export type Origin = "dataset" | "organic";

/** What is asked in one step. */
export interface Question {
  /** augment, followup0, answer0, … */
  name: string;
  task: Task;
  origin: Origin;
  /** The prompt as the miners get it. */
  prompt: string;
  /** Text that masks compare completions with: base text, summary or question. */
  basePrompt: string;
  /** Id of the forward pass; masks keep what belongs to one pass under it. */
  forward: string;
}

/** A neuron's axon as the chain stores it: what a stranger says of where it serves. */
export interface AxonAddress {
  /** u128; an IPv4 address is in the low 32 bits. 0 = serves nothing. */
  ip: bigint;
  /** 4 or 6. */
  ipType: number;
  port: number;
}

/** What a validator sends to the chain, each signed by the hotkey. */
export type ExtrinsicKind = "serve-axon" | "set-weights" | "commit-weights";

/** Why a miner could not be asked when the cause lies with this validator, as far as one reply can tell. */
export type OwnFault = "clock" | "descriptors" | "network" | "refused" | "stopped";

/** What came back from one miner. Whatever a miner does is a value, never an exception. */
export interface Reply {
  uid: Uid;
  hotkey: Hotkey;
  /** HTTP-like: 200 is an answer, 408 too late, 503 unreachable. */
  status: number;
  message: string;
  /** null when there is no usable completion; otherwise well-formed, not blank and bounded. */
  completion: string | null;
  /** From the dial to the last byte; 0 when the miner was not called. */
  elapsedMs: number;
  /** Absent when the miner alone is to blame. */
  fault?: OwnFault | undefined;
  /** Whether it answered over HTTP, whatever it said. */
  reached?: boolean | undefined;
}

/** A miner that was asked, and what its completion earned in this step (0..1). */
export interface Outcome {
  uid: Uid;
  hotkey: Hotkey;
  reward: number;
}

/** Rows of Float32 of one width by an integer key, as the state keeps them. */
export type Rows = ReadonlyMap<number, Float32Array>;

/** What a part keeps across restarts: a small JSON value, rewritten at each save, and tables of rows by name. */
export interface Memory {
  json: unknown;
  tables: Readonly<Record<string, Rows>>;
}

/** What changed in one table since the last call of `changes()`: rows written anew, and rows given up. */
export interface RowChanges {
  put: Rows;
  /** Rows with a smaller key are gone. */
  deleteBelow?: number;
  /** All rows that are not in `put` are gone. */
  isWhole?: boolean;
}

/** A memory's part that was written anew since the last call, so that a step writes rows and not everything. */
export interface MemoryChanges {
  json: unknown;
  tables: Readonly<Record<string, RowChanges>>;
}

/** The router's layer, for others to look at. */
export interface ShownLayer {
  /** A file in the format safetensors; the same layer gives the same bytes. */
  bytes: Uint8Array;
  encoder: string;
  /** One per uid. */
  rows: number;
  hidden: number;
  /** Trained so far. */
  steps: number;
}
