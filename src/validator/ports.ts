import type { BlockNumber, Hotkey, Uid } from "../base/units.ts";
import type { EventV1 as Event } from "../events/version-1.ts";

/** What the validator needs from the rooms below it. The real parts are put in by compose.ts, fakes by tests. */

export interface Neuron {
  uid: Uid;
  hotkey: Hotkey;
  /** Block in which the hotkey got its uid. */
  registeredAt?: BlockNumber | undefined;
  isServing: boolean;
  hasValidatorPermit: boolean;
  stakeTao: number;
}

/** The subnet at one block. */
export interface Subnet<N extends Neuron = Neuron> {
  block: BlockNumber;
  ownUid: Uid;
  /** Index = uid. */
  neurons: readonly N[];
  tempo: number;
  weightsRateLimit: number;
  /** Block of this validator's last weights, or of its registration. */
  ownLastUpdate: number;
}

export interface SentWeights {
  path: "plain" | "timelocked";
  block: BlockNumber;
  uids: number[];
  /** u16 as on chain. */
  values: number[];
  revealRound?: number;
  extrinsicHash: string;
  /** Block in which the chain opened the commit; only for `timelocked`. Rejects when it did not. */
  revealed?: Promise<BlockNumber>;
}

export interface Chain<N extends Neuron = Neuron> {
  readonly genesisHash: string;
  head(): BlockNumber;
  /** Calls back at every new head; returns how to stop that. */
  onHead(callback: (block: BlockNumber) => void): () => void;
  /** @throws Failure `chain.not-registered` when this hotkey has no uid any more. */
  fetchSubnet(): Promise<Subnet<N>>;
  /** @param scores moving scores by uid, not all zero */
  sendWeights(scores: Float32Array): Promise<SentWeights>;
}

export interface Reply {
  uid: Uid;
  hotkey: Hotkey;
  /** HTTP-like: 200 is an answer, 408 too late, 503 unreachable. */
  status: number;
  message: string;
  /** null when there is no usable answer. */
  completion: string | null;
  elapsedMs: number;
}

export interface Miners<N extends Neuron = Neuron> {
  /** One reply per neuron, in their order. Never throws for a miner. */
  ask(neurons: readonly N[], prompt: string, timeoutMs: number, signal: AbortSignal): Promise<Reply[]>;
}

export type TaskKind = "augment" | "followup" | "answer";

export interface Question {
  /** augment, followup0, answer0, … */
  name: string;
  task: TaskKind;
  prompt: string;
  /** Text that masks compare answers with. */
  basePrompt: string;
}

export interface Judgement {
  /** One per completion, 0..1; 0 for a failed one. */
  rewards: number[];
  columns: { name: string; raw: (number | null)[]; normalized?: (number | null)[] | undefined }[];
}

export interface Judge {
  beginForward(): void;
  score(question: Question, completions: (string | null)[]): Promise<Judgement>;
  /** Running statistics and histories, to be saved with the state. */
  save(): JudgeMemory;
  load(memory: JudgeMemory): void;
}

export interface JudgeMemory {
  json: unknown;
  /** Named rows of Float32. */
  arrays: Record<string, Float32Array>;
}

/** A miner that was asked, and what its answer earned. */
export interface Outcome {
  uid: Uid;
  hotkey: Hotkey;
  reward: number;
}

export type RouterMemory = JudgeMemory;

/** Learns which miner answers which prompt well. */
export interface Router {
  /** Brings the rows to the subnet of now; index = uid. */
  align(hotkeys: readonly Hotkey[]): void;
  /** One score per uid for this prompt, higher is better; undefined when there are none. Never throws. */
  scores(prompt: string): Promise<Float32Array | undefined>;
  /** Learns from one step; gives the loss, null when there was nothing to learn from. Never throws. */
  train(prompt: string, outcomes: readonly Outcome[]): Promise<number | null>;
  /** Copies of what is to be saved with the state; undefined when nothing was learnt yet. */
  save(): RouterMemory | undefined;
  /** @param hotkeys those the memory was saved with */
  load(memory: RouterMemory, hotkeys: readonly Hotkey[]): void;
}

export interface Texts {
  next(signal: AbortSignal): Promise<string>;
}

export interface EventSink {
  append(event: Event): void;
}
