/** What a pipeline is put together from. "Completion" is a miner's text everywhere in this room. */
import type { Memory, MemoryChanges, Question } from "../base/vocabulary.ts";

export type RewardsCode =
  | "rewards.bad-weights"
  | "rewards.bad-model"
  | "rewards.bad-profile"
  | "rewards.bad-penalty";

/** Gives each completion of a step a raw number, higher is better, of any scale. */
export interface RewardModel {
  readonly name: string;
  /** Its numbers are rewards from 0 to 1 that mean the same in every step, and are taken as they are. */
  readonly isAbsolute?: boolean;
  /** @param completions usable ones only, without white space around them; never empty */
  score(question: Question, completions: string[]): Promise<number[]>;
}

/** Gives each completion of a step a number that counts for nothing, null where it has none. Never throws. */
export interface Watcher {
  readonly name: string;
  score(question: Question, completions: string[]): Promise<(number | null)[]>;
}

/** A mask's factors with what they came from. */
export interface MaskVerdict {
  factors: number[];
  /** More numbers per completion by name, for the columns `<mask>_<name>`; there are none when nobody answered. */
  details?: Record<string, number[]>;
  /**
   * Takes the step into the mask's memory. Called once, when every part has given its numbers: a step that fails or is
   * given up leaves no trace.
   */
  learn?(): void | Promise<void>;
}

/** Gives each completion of a step a factor in 0..1. */
export interface Mask {
  /** Its column in the events. */
  readonly name: string;
  /** Changes nothing that a later call could see; what is to be kept is kept by the verdict's `learn`. */
  apply(question: Question, completions: string[]): Promise<number[] | MaskVerdict>;
  /** A forward pass starts; `Question.forward` has its id. */
  beginForward?(forward: string): void;
  /** What belongs to the pass is of no use any more. */
  endForward?(forward: string): void;
  /** The best completion of the step just scored. */
  remember?(question: Question, best: string): void;
  /** Names of its tables in the state, which no other mask has. */
  readonly tables?: readonly string[];
  /**
   * What changed since the last call; the first one after the start or `load` gives everything that is not saved yet.
   * @param options.all also what is usually kept back, to be written less often
   */
  changes?(options: { all: boolean }): MemoryChanges;
  /** @returns false when the memory is of another kind and was left alone */
  load?(memory: Memory): boolean;
}

/** Gives each completion of a step a penalty from 0 up; its reward is multiplied by 1 − min(penalty, max). */
export interface Penalty {
  readonly name: string;
  /** 0..1: the share of a reward that this penalty can take at most. */
  readonly max: number;
  apply(question: Question, completions: string[]): Promise<number[]>;
}
