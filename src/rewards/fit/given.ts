import type { RunSource } from "../masks/borrowed-runs.ts";
import type { Reading } from "../reading.ts";
import type { KnownWords } from "./own-words.ts";

/** A text with its vector, of length 1. */
export interface Embedded {
  text: string;
  vector: Float32Array;
}

/** A completion as its task is judged. */
export interface Work extends Embedded {
  sentences: Embedded[];
}

/** What the miner was given. */
export interface Given extends Omit<Reading, "source"> {
  source: Embedded[];
  /** Its words, to find runs of them again. */
  runs: RunSource;
  /** The same words, to find forms of them. */
  told: KnownWords;
  /** Vector of the question; only for an answer. */
  asked?: Float32Array | undefined;
  /** Its words; only for an answer. */
  askedWords?: KnownWords | undefined;
}
