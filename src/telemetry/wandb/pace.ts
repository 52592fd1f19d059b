import { sleep } from "../../base/deadline.ts";
import { isFailure } from "../../base/error.ts";
import { WandbRefusal } from "../../wandb/api.ts";

export interface Pace {
  /** Between two requests of a run: servers allow two file_stream requests a second. */
  leastGapMs: number;
  /** How often a live run looks for new rows. */
  everyMs: number;
  /** A run without news says so, or the server takes it for crashed after five minutes. */
  heartbeatMs: number;
  firstBackOffMs: number;
  maxBackOffMs: number;
  /** Replaced by tests, in which time runs faster. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const PACE: Pace = {
  leastGapMs: 500,
  everyMs: 15_000,
  heartbeatMs: 30_000,
  firstBackOffMs: 2_000,
  maxBackOffMs: 60_000,
  now: Date.now,
  sleep,
};

/** How long to wait after so many failures in a row, milliseconds. */
export function backOffMs(pace: Pace, { retryAfterMs }: WandbRefusal, failures: number): number {
  // Doubling with up to a quarter on top, and exactly as long as the server says: as the official client does it.
  const own = Math.min(pace.maxBackOffMs, pace.firstBackOffMs * 2 ** failures) * (1 + Math.random() / 4);
  return Math.max(retryAfterMs ?? own, pace.leastGapMs);
}

/** What went wrong with a request, as a refusal whatever it was. */
export function asRefusal(error: unknown): WandbRefusal {
  if (error instanceof WandbRefusal) return error;
  if (isFailure(error)) return new WandbRefusal(error.message, 0, false);
  // An answer in another shape than W&B's, or a spool that cannot be read.
  return new WandbRefusal(error instanceof Error ? error.message.slice(0, 200) : "unknown", 0, false);
}
