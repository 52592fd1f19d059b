import type { ReadText } from "../inference/embedding-cache.ts";
import type { TemplatePart } from "../inference/graph/tokens.ts";
import type { ClassifierInput, Continuation } from "../inference/protocol.ts";

/** Models by name, as the inference process serves them. One answer per input, in their order. */
export interface ServedModels {
  /** L2-normalised vectors, and what else an encoder tells. */
  read(model: string, texts: string[]): Promise<ReadText[]>;
  /** Rows of logits of each input: one, or several for a text in pieces. */
  classify(model: string, inputs: ClassifierInput[]): Promise<Float32Array[][]>;
  /** Mean log-probability of each completion's tokens; −Infinity where the prompt leaves none to score. */
  logProb(model: string, pairs: Continuation[], penalty: number): Promise<number[]>;
  /** Logits of the digits 0 to 9 as the next token. */
  digitScores(model: string, prompts: TemplatePart[][]): Promise<Float32Array[]>;
}

/** A model of ServedModels without its name. */
export type Classify = (inputs: ClassifierInput[]) => Promise<Float32Array[][]>;
export type LogProb = (pairs: Continuation[], penalty: number) => Promise<number[]>;
export type DigitScores = (prompts: TemplatePart[][]) => Promise<Float32Array[]>;

/** First logit of inputs that give one row each; NaN where there is none, which the pipeline reports. */
export function firstLogits(rows: readonly (readonly Float32Array[])[]): number[] {
  return rows.map(([row]) => row?.[0] ?? Number.NaN);
}
