import { isFailure } from "../../../src/base/error.ts";
import { asBlock, asHotkey } from "../../../src/base/units.ts";
import type { RowChanges } from "../../../src/base/vocabulary.ts";
import type { MovingScores } from "../../../src/weights/scores.ts";

export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "nothing";
}

/** Scores of uid 0, 1, 2, … that no shorter number than a Float32 holds. */
export function scoresOf(...values: number[]): MovingScores {
  return {
    neurons: values.map((_, uid) => ({ hotkey: asHotkey(`key${uid}`), registeredAt: asBlock(100 + uid) })),
    scores: Float32Array.from(values),
    asked: Uint32Array.from(values, (_, uid) => uid),
  };
}

export function rows(entries: readonly (readonly [number, readonly number[]])[]): RowChanges["put"] {
  return new Map(entries.map(([key, values]) => [key, Float32Array.from(values)]));
}
