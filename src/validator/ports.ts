import type { BlockNumber, Hotkey, Uid } from "../base/units.ts";
import type { Memory, MemoryChanges, Outcome, Question, Reply, ShownLayer } from "../base/vocabulary.ts";
import type { Mechanism } from "../chain/mechanism.ts";
import type { EventBody } from "../events/schema.ts";
import type { MovingScores, Registration } from "../weights/scores.ts";

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
  /** How long this reading took, milliseconds: by so much the block may have grown older. */
  tookMs: number;
  ownUid: Uid;
  /** Index = uid. */
  neurons: readonly N[];
  tempo: number;
  weightsRateLimit: number;
  /** Block of the next epoch, as it was known at `block`; undefined for a subnet without a tempo. */
  nextEpochBlock?: number | undefined;
  /** Version key that the subnet asks for, where that of this program is lower: it takes no weights of it. */
  neededVersionKey?: number | undefined;
  /** Those that this validator sets weights for, in the order in which it was told of them. */
  mechanisms: readonly Mechanism[];
}

export interface SentWeights {
  path: "plain" | "timelocked";
  block: BlockNumber;
  uids: number[];
  /** u16 as on chain. */
  values: number[];
  revealRound?: number;
  extrinsicHash: string;
  /** What has to come true for a timelocked commit; kept in the state, so that a restart follows it as well. */
  pending?: PendingReveal;
}

/** A commit that the chain has taken and should reveal at `revealBlock`. Plain data, kept in the state. */
export interface PendingReveal {
  /** The mechanism that it is for; the subnet's first when left out. */
  mecid?: number | undefined;
  uid: number;
  uids: number[];
  values: number[];
  revealBlock: number;
  /** drand round; absent where the chain is old. */
  revealRound?: number | undefined;
}

/** A commit as the state keeps it. */
export interface CommittedWeights extends PendingReveal {
  id: string;
  /** Block that took the commit. */
  committed: BlockNumber;
}

/** Weights as they are about to be signed: written down first, so that a crash leaves a trace of what was sent. */
export interface PreparedWeights {
  path: SentWeights["path"];
  block: BlockNumber;
  uids: number[];
  values: number[];
  /** Of the extrinsic. */
  nonce: number;
}

/** Weights of this run or an earlier one of which nobody knows whether the chain has them. */
export interface EarlierWeights {
  id: string;
  path: SentWeights["path"];
  block: number;
  uids: readonly number[];
  values: readonly number[];
  /** null where it was not kept. */
  nonce: number | null;
}

export type EarlierFate =
  | { state: "included"; id: string; block: BlockNumber; pending: PendingReveal | undefined }
  /** They may still be taken; weights with the same nonce exclude them. */
  | { state: "open"; nonce: number | null }
  | { state: "gone" };

export interface WeightsOrder {
  /** The mechanism that they are for. */
  mecid: number;
  /** Moving scores by uid for those who hold the uids at the block of the submission. */
  scoresFor(holders: readonly Registration[]): Float32Array;
  /** By uid, whether its holder could be asked and never was; only asked for where a policy wants to know. */
  neverAsked?(holders: readonly Registration[]): boolean[];
  /** Called right before signing. What it throws keeps the weights from being sent. */
  before(prepared: PreparedWeights): void;
  /** Nonce of earlier weights that may still be taken. */
  nonce?: number | undefined;
  signal: AbortSignal;
}

export interface ProposedWeights {
  uids: number[];
  /** u16 as they would go to the chain. */
  values: number[];
  /** Why they are what they are beyond the scores, one sentence each. */
  lines: string[];
  /** Why nothing is burnt although that was asked for; undefined else. */
  unburnt?: string | undefined;
}

export interface Chain<N extends Neuron = Neuron> {
  readonly genesisHash: string;
  /** Of one block, as the chain means it. */
  readonly blockTimeMs: number;
  head(): BlockNumber;
  /** The highest block that no reorganisation takes back; undefined before the first was heard of. */
  finalized(): BlockNumber | undefined;
  /** Whether heads are overdue: nothing was heard of the chain for several block times. */
  isOverdue(): boolean;
  /** Whether an endpoint that the user named earlier is to be looked at, instead of the one in use. */
  isSecondChoice(): boolean;
  /** Looks at it, and goes back to it when it is well again and `mayLeave` says so, then too. */
  preferEndpoint(mayLeave: () => boolean): Promise<void>;
  /** Calls back at every new head; returns how to stop that. */
  onHead(callback: (block: BlockNumber) => void | Promise<void>): () => void;
  /**
   * @param known neurons of an earlier run, by uid, from which a lost registration is explained where this run saw none
   * @throws Failure `chain.not-registered` when this hotkey has no uid any more.
   */
  fetchSubnet(known?: MovingScores["neurons"]): Promise<Subnet<N>>;
  sendWeights(order: WeightsOrder): Promise<SentWeights>;
  /** What `sendWeights` would send now; nothing is signed. */
  proposeWeights(order: Pick<WeightsOrder, "mecid" | "scoresFor" | "neverAsked">): Promise<ProposedWeights>;
  /** What became of weights that nobody saw arrive. @param earlier of one mechanism, oldest first, at least one */
  fateOf(earlier: readonly EarlierWeights[], mecid: number): Promise<EarlierFate>;
  /** Follows a commit to its reveal, also one of an earlier run. @returns its block; rejects when it did not come */
  followReveal(pending: PendingReveal, signal: AbortSignal): Promise<BlockNumber>;
  /** This validator's own row of weights on chain, u16; empty when it never set any. */
  readOwnWeights(mecid: number): Promise<[uid: Uid, value: number][]>;
  /** What of it those who hold the uids now earned: shares by uid, less what was burnt. */
  readEarnedWeights(mecid: number): Promise<Float32Array>;
}

/** Why the miners of a step could not be reached, or all failed by a fault that is not theirs. */
export interface Outage {
  cause: "clock" | "descriptors" | "network" | "unreachable" | "refused";
  /** One sentence for the operator, with the number of miners. */
  text: string;
}

export interface Miners<N extends Neuron = Neuron> {
  /** One reply per neuron, in their order. Never throws for a miner. */
  ask(neurons: readonly N[], prompt: string, timeoutMs: number, signal: AbortSignal): Promise<Reply[]>;
  /** What all the replies have in common when the fault is ours; undefined when somebody gave evidence. */
  outageOf(replies: readonly Reply[]): Outage | undefined;
  /** Whether one of these miners accepts a connection now; nothing is asked of them. */
  isAnyReachable(neurons: readonly N[], signal: AbortSignal): Promise<boolean>;
  /** Whether the budget of requests allows one more to this miner now. */
  mayAsk(hotkey: Hotkey): boolean;
}

export interface Judgement {
  /** One per completion, 0..1; 0 for a failed one. */
  rewards: number[];
  columns: { name: string; raw: (number | null)[]; normalized?: (number | null)[] | undefined }[];
  /** Milliseconds of each model and mask. */
  timings: Record<string, number>;
  /** What the inference processes did for it: waiting for earlier work, and computing. */
  inference?: { queueMs: number; computeMs: number } | undefined;
}

export interface Judge {
  /** Masks keep what belongs to one forward pass under its id. */
  beginForward(id: string): void;
  endForward(id: string): void;
  /**
   * Rejects at once when the signal is aborted.
   * @param about.taken per completion, the part of the allowed time that it took
   */
  score(
    question: Question,
    completions: readonly (string | null)[],
    about?: { signal?: AbortSignal; taken?: readonly number[] },
  ): Promise<Judgement>;
  /** Running statistics and histories, as far as they changed since the last call; with `all` what is written rarely as well. */
  changes(options?: { all?: boolean }): MemoryChanges;
  load(memory: Memory): void;
}

/** Learns which miner answers which prompt well. */
export interface Router {
  /** Brings the rows to the subnet of now; index = uid. */
  align(neurons: readonly Registration[]): void;
  /** One score per uid for this prompt, higher is better; undefined when there are none. Never throws. */
  scores(prompt: string): Promise<Float32Array | undefined>;
  /** Learns from one step; gives the loss, null when there was nothing to learn from. Never throws. */
  train(prompt: string, outcomes: readonly Outcome[]): Promise<number | null>;
  /** What changed since the last call; with `all` everything that is not saved yet. undefined when nothing was learnt. */
  changes(options?: { all?: boolean }): MemoryChanges | undefined;
  /** What was learnt, as a file for others to look at, with a row per uid; undefined before anything was. */
  layerToShow(): ShownLayer | undefined;
  /** @param neurons those the memory was saved with */
  load(memory: Memory, neurons: readonly Registration[]): void;
}

export interface Texts {
  next(signal: AbortSignal): Promise<string>;
}

/** Where events go: the journal first, then whoever watches. Never throws and never waits. */
export interface EventFeed {
  /** @param block where the event tells of another block than the head */
  emit(body: EventBody, block?: number): unknown;
  /** The disk runs out: events that can be spared make room. Absent where none are kept. */
  makeRoom?(): void;
}

/** Time, so that tests need not wait. */
export interface Time {
  /** Milliseconds that only grow, for durations. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Returns early when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
