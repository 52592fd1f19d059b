import { afterAll } from "bun:test";

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFailure } from "../../../src/base/error.ts";
import { asBlock, asHotkey } from "../../../src/base/units.ts";
import type { RowChanges } from "../../../src/base/vocabulary.ts";
import type { MovingScores } from "../../../src/weights/scores.ts";

const made: string[] = [];
/** An empty folder that is removed after the tests of the file. */
export function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "ov-state-"));
  made.push(directory);
  return directory;
}
afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

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
