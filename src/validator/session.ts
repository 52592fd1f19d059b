import type { BlockNumber } from "../base/units.ts";
import type { Identity } from "../base/vocabulary.ts";
import type { RunBody } from "../events/schema.ts";
import type { LapsedScore } from "../weights/scores.ts";
import type { Duty } from "./clock.ts";
import type { Turns } from "./epoch-turns.ts";
import type { Chain, EventFeed, Judge, Miners, Neuron, Router, Subnet, Texts, Time } from "./ports.ts";
import type { Evidence } from "./state/content.ts";
import type { Recorder } from "./state/recorder.ts";
import type { Watch } from "./watch.ts";

/** The part of the configuration that steers forwards and duties. */
export interface ValidatorSettings {
  netuid: number;
  followupSampleSize: number;
  followupTimeoutMs: number;
  answerSampleSize: number;
  answerTimeoutMs: number;
  followupSteps: number;
  concurrentForwards: number;
  /** 0, with `weights` 0 = no end. */
  forwards: number;
  /** How often weights are to be set in this run before it ends; 0 = the passes alone decide. */
  weights: number;
  movingAverageAlpha: number;
  /** A best answer that earns less is no ground for the next prompt. */
  minBestReward: number;
  checkpointBlocks: number;
  /** 0 = the subnet's tempo. */
  epochBlocks: number;
  vpermitTaoLimit: number;
  /** Share of a sample that is random, 0..1; the rest goes to the highest gating scores. */
  explore: number;
  /** Who had no turn in this epoch is asked first. */
  covers: boolean;
  /** Answers of each step that other miners are asked to mark; 0 = none. */
  shadowMiners: number;
  setsWeights: boolean;
  /** Mechanisms of the subnet that get weights, all by the same scores. */
  mecids: readonly number[];
  /** Weights are told where they would be sent. */
  isDryRun: boolean;
  /** The start waits for a registration and a permit. */
  waitsForRegistration: boolean;
  /** When nobody earned anything, all weight goes to one uid rather than to nobody. */
  burnsIdle: boolean;
  /** Weights are due so many blocks before each epoch; 0 = an epoch after the last ones. */
  beforeEpochBlocks: number;
  /** Without a saved state, begin with this validator's own weights on chain. */
  seedsScores: boolean;
  logRewards: boolean;
  /** Writes the router's layer to a file now and then, for others to look at. */
  showsLayer: boolean;
  /** Budget of everything that is written, bytes; undefined = only the parts have limits. */
  diskMaxBytes?: number | undefined;
  /** Path of the log file, which counts in that budget. */
  logFile?: string | undefined;
}

export interface Modules<N extends Neuron> {
  chain: Chain<N>;
  miners: Miners<N>;
  judge: Judge;
  router: Router;
  texts: Texts;
  feed: EventFeed;
  time: Time;
}

/** Who held a uid until a while ago. */
export interface Lapsed<N extends Neuron> extends LapsedScore {
  neuron: N;
  /** Block of the first reading of the subnet without it. */
  at: BlockNumber;
}

/** What changes while a validator runs. One owner, the validator; steps and duties write to it between awaits. */
export interface RunState<N extends Neuron> {
  subnet: Subnet<N>;
  /** Miners whose uids were taken over a few blocks ago, by registrations that may be taken back. */
  lapsed: readonly Lapsed<N>[];
  /** Moving scores by uid. */
  scores: Float32Array;
  /** How often the holder of each uid was asked in a step that counts. */
  asked: Uint32Array;
  /** Steps since the state was first made. */
  steps: number;
  /** What the scores rest on; the first weights wait for enough of it. */
  evidence: Evidence;
  /** When each miner was last asked. */
  turns: Turns;
  /** By mechanism, how often weights came onto the chain in this run. */
  weightsSet: Map<number, number>;
  /** By its id, what ends the wait for the reveal of a commit. */
  reveals: Map<string, AbortController>;
  /** Head at the last step that counted, or at the start of this run. */
  countedAt: BlockNumber;
}

export interface Session<N extends Neuron> {
  settings: ValidatorSettings;
  identity: Identity;
  modules: Modules<N>;
  state: RunState<N>;
  /** Writes the state down; the run goes on without a disk. */
  recorder: Recorder;
  /** What is known of the outside: miners, clock, permit. */
  watch: Watch;
  random: () => number;
  signal: AbortSignal;
}

/** What of the event `run` only the subnet and the state tell. */
type Told =
  | "kind"
  | "uid"
  | "permit"
  | "stake_tao"
  | "steps"
  | "sets_weights"
  | "epoch_blocks"
  | "last_weights_block"
  | "next_weights_block"
  | "mechanisms";

/** What is known of a run before its first step, told once in the event `run`. */
export type RunFacts = Omit<RunBody, Told>;

export interface ValidatorOptions<N extends Neuron> {
  settings: ValidatorSettings;
  identity: Identity;
  modules: Modules<N>;
  /** For the event `run`. */
  facts: RunFacts;
  /** What else is done by block number. */
  duties?: readonly Duty[];
  stateDirectory: string;
  /** Ends the run; the step under way is given up. */
  signal: AbortSignal;
  /** Told the steps since the state was first made, also where the run ends by an error. */
  onEnd?(steps: number): void;
  /** How long each stage of a stop may take; for tests. */
  stopStageMs?: number;
}
