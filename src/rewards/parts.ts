/** What a pipeline is put together from. */
import type { Task } from "../prompts/templates.ts";

export type RewardsCode =
  | "rewards.bad-weights"
  | "rewards.bad-model"
  | "rewards.bad-profile"
  | "rewards.bad-penalty";

/** What was asked in one step. */
export interface StepQuestion {
  /** augment, followup0, answer0, … */
  name: string;
  task: Task;
  /** The prompt as the miners got it. */
  prompt: string;
  /** Text that masks compare with: base text, summary or question. */
  basePrompt: string;
}

/** Gives each answer of a step a raw number, higher is better, of any scale. */
export interface RewardModel {
  readonly name: string;
  /** @param completions usable answers only, without white space around them; never empty */
  score(question: StepQuestion, completions: string[]): Promise<number[]>;
}

/** Gives each answer of a step a number that counts for nothing, null where it has none. Never throws. */
export interface Watcher {
  readonly name: string;
  score(question: StepQuestion, completions: string[]): Promise<(number | null)[]>;
}

/** What a mask wants kept across restarts: a small JSON value and rows of numbers. */
export interface MaskMemory {
  json: unknown;
  rows: Float32Array;
}

/** A mask's factors with what they came from. */
export interface MaskVerdict {
  factors: number[];
  /** More numbers per completion by name, for the columns `<mask>_<name>`; there are none when nobody answered. */
  details: Record<string, number[]>;
}

/** Gives each answer of a step a factor in 0..1. */
export interface Mask {
  readonly name: string;
  apply(question: StepQuestion, completions: string[]): Promise<number[] | MaskVerdict>;
  /** A new forward pass starts. */
  beginForward?(): void;
  /** The best answer of the step just scored. */
  remember?(question: StepQuestion, best: string): void;
  save?(): MaskMemory;
  /** @returns false when the memory is of another kind and was left alone */
  load?(memory: MaskMemory): boolean;
}

/** Gives each answer of a step a penalty from 0 up; its reward is multiplied by 1 − min(penalty, max). */
export interface Penalty {
  readonly name: string;
  /** 0..1: the share of a reward that this penalty can take at most. */
  readonly max: number;
  apply(question: StepQuestion, completions: string[]): Promise<number[]>;
}
