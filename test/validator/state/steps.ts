import { asBlock, asHotkey } from "../../../src/base/units.ts";
import type { SavedState, StepCommit } from "../../../src/validator/state/content.ts";

export const IDENTITY = { genesis: "0xabc", netuid: 1, hotkey: "5F" };

const UIDS = 256;
const SAMPLE = 50;
const DIMENSIONS = 384;
/** Vectors that are kept, fewer than a validator keeps, so that a test gets to where the oldest go. */
const KEPT = 1000;

/** Spread over -0.05..0.05 as the numbers of a normalised vector are, and a function of step and place alone. */
const noise = (seed: number): number => ((Math.imul(seed, 0x9e3779b1) >>> 8) / 2 ** 24 - 0.5) / 10;

function vectorOf(key: number): Float32Array {
  return new Float32Array(Float16Array.from({ length: DIMENSIONS }, (_, at) => noise(key * DIMENSIONS + at)));
}

/** What a step of a full sample commits. */
export function stepOf(step: number): StepCommit {
  const keys = Array.from({ length: SAMPLE }, (_, at) => SAMPLE * (step - 1) + at);
  return {
    steps: step,
    evidence: { countedSteps: step, blocks: 2 * step },
    scores: {
      neurons: Array.from({ length: UIDS }, (_, uid) => ({
        hotkey: asHotkey(`5${String(uid).padStart(47, "H")}`),
        registeredAt: asBlock(1_000_000 + uid),
      })),
      // Each uid was asked last in one of the last steps.
      scores: Float32Array.from({ length: UIDS }, (_, uid) => 0.1 + noise(lastAsked(step, uid) * UIDS + uid)),
      asked: Uint32Array.from({ length: UIDS }, (_, uid) => lastAsked(step, uid)),
    },
    judge: {
      json: {
        normalizers: Array.from({ length: 5 }, (_, at) => ({
          count: step,
          mean: noise(step + at),
          variance: 1,
        })),
      },
      tables: {
        diversity: {
          put: new Map(keys.map((key) => [key, vectorOf(key)])),
          deleteBelow: SAMPLE * step - KEPT,
        },
      },
    },
    router: { json: { step }, tables: {} },
  };
}

function lastAsked(step: number, uid: number): number {
  return Math.max(0, step - ((step + uid) % Math.ceil(UIDS / SAMPLE)));
}

/** The state after so many steps. */
export function stateAfter(steps: number): Omit<SavedState, "created"> {
  const { evidence, scores, judge, router } = stepOf(steps);
  const first = Math.max(0, SAMPLE * steps - KEPT);
  const diversity = new Map(
    Array.from({ length: SAMPLE * steps - first }, (_, at) => [first + at, vectorOf(first + at)]),
  );
  return {
    steps,
    evidence: evidence!,
    scores: scores!,
    judge: { json: judge!.json, tables: { diversity } },
    router: { json: router!.json, tables: {} },
  };
}
