import { sleep } from "../base/deadline.ts";

/** Models of several gigabytes load before the first step. */
const WELL_WITHIN_MS = 30 * 60_000;
/** A leak or a timer that kills shows itself in some minutes. */
const TRIAL_MS = 10 * 60_000;
/** The chain's own pace. */
const BLOCK_MS = 12_000;
/** A window comes once in an epoch at least; 72 minutes are one of the usual length. */
const WINDOW_TIMEOUT_MS = 72 * 60_000;
/** The program of before has run here for long: it needs no more than its models. */
const BACK_WITHIN_MS = 15 * 60_000;

/** Times and pauses; tests have their own. */
export interface Pace {
  /** Of the calendar, for people to read. */
  now(): number;
  /** Milliseconds of a clock that nobody sets. */
  ticks(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  wellWithinMs: number;
  trialMs: number;
  backWithinMs: number;
  windowTimeoutMs: number;
  blockMs: number;
}

export const PACE: Pace = {
  now: Date.now,
  ticks: () => performance.now(),
  sleep,
  wellWithinMs: WELL_WITHIN_MS,
  trialMs: TRIAL_MS,
  backWithinMs: BACK_WITHIN_MS,
  windowTimeoutMs: WINDOW_TIMEOUT_MS,
  blockMs: BLOCK_MS,
};
