import type { Identity } from "../base/vocabulary.ts";
import type { StepEventV1 as StepEvent } from "../events/version-1.ts";
import type { Chain, EventSink, Judge, Miners, Neuron, Router, Subnet, Texts } from "./ports.ts";

/** The part of the configuration that steers forwards and duties. */
export interface ValidatorSettings {
  netuid: number;
  followupSampleSize: number;
  followupTimeoutMs: number;
  answerSampleSize: number;
  answerTimeoutMs: number;
  followupSteps: number;
  concurrentForwards: number;
  /** 0 = no end. */
  forwards: number;
  movingAverageAlpha: number;
  checkpointBlocks: number;
  /** 0 = the subnet's tempo. */
  epochBlocks: number;
  vpermitTaoLimit: number;
  /** Share of a sample that is random, 0..1; the rest goes to the highest gating scores. */
  explore: number;
  /** Answers of each step that other miners are asked to mark; 0 = none. */
  shadowMiners: number;
  setsWeights: boolean;
  logRewards: boolean;
}

export interface Modules<N extends Neuron> {
  chain: Chain<N>;
  miners: Miners<N>;
  judge: Judge;
  router: Router;
  texts: Texts;
  events: EventSink;
}

/** What changes while a validator runs. One owner, the validator; steps and duties write to it between awaits. */
export interface RunState<N extends Neuron> {
  subnet: Subnet<N>;
  /** Moving scores by uid. */
  scores: Float32Array;
  /** How often each uid was asked, by uid. */
  asked: Uint32Array;
  /** Steps since the state was first made. */
  steps: number;
}

export interface Session<N extends Neuron> {
  settings: ValidatorSettings;
  identity: Identity;
  modules: Modules<N>;
  state: RunState<N>;
  random: () => number;
  signal: AbortSignal;
  onStep(event: StepEvent): void;
}
