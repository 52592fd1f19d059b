import type { BlockNumber, Hotkey, Uid } from "../base/units.ts";
import type { EventV1 as Event } from "../events/version-1.ts";
import type { Registration } from "../weights/scores.ts";

/** What the validator needs from the rooms below it. The real parts are put in by compose.ts, fakes by tests. */

export interface Neuron extends Registration {
  registeredAt: BlockNumber;
  uid: Uid;
  isServing: boolean;
  hasValidatorPermit: boolean;
  stakeTao: number;
}

/** The subnet at one block. */
export interface Subnet<N extends Neuron = Neuron> {
  block: BlockNumber;
  /** Timestamp that the chain gave this block, in milliseconds since 1970. */
  chainTimeMs: number;
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
  revealRound?: number | undefined;
  extrinsicHash: string;
  /** What has to come true for a timelocked commit; kept in the state, so that a restart follows it as well. */
  pending?: PendingReveal;
}

/** A commit that the chain has taken and should reveal at `revealBlock`. Plain data, kept in the state. */
export interface PendingReveal {
  uid: number;
  uids: number[];
  values: number[];
  revealBlock: number;
  /** drand round; absent where the chain is old. */
  revealRound?: number | undefined;
}

/** Weights as they are about to be signed: written down first, so that a crash leaves a trace of what was sent. */
export interface PreparedWeights {
  path: SentWeights["path"];
  block: BlockNumber;
  uids: number[];
  values: number[];
}

export interface WeightsOrder {
  /** Moving scores by uid for those who hold the uids at the block of the submission. */
  scoresFor(holders: readonly Hotkey[]): Float32Array;
  /** Called right before signing. What it throws keeps the weights from being sent. */
  before(prepared: PreparedWeights): void;
  signal: AbortSignal;
}

export interface Chain<N extends Neuron = Neuron> {
  readonly genesisHash: string;
  head(): BlockNumber;
  /** Calls back at every new head; returns how to stop that. */
  onHead(callback: (block: BlockNumber) => void | Promise<void>): () => void;
  /** @throws Failure `chain.not-registered` when this hotkey has no uid any more. */
  fetchSubnet(): Promise<Subnet<N>>;
  sendWeights(order: WeightsOrder): Promise<SentWeights>;
  /** Follows a commit to its reveal, also one of an earlier run. @returns its block; rejects when it did not come */
  followReveal(pending: PendingReveal, signal: AbortSignal): Promise<BlockNumber>;
  /** This validator's own row of weights on chain, u16; empty when it never set any. */
  readOwnWeights(): Promise<[uid: Uid, value: number][]>;
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
