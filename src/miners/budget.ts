import type { Hotkey } from "../base/units.ts";

export interface BudgetOptions {
  /** Requests to one miner in a window, and at most so many at once; 0 = no limit. */
  requests: number;
  windowMs: number;
}

/**
 * The base miner of opentensor/text-prompting refuses a caller whose last 50 requests (--miner.priority.
 * len_request_timestamps) came within --miner.blacklist.min_request_period (prompting/baseminer/blacklist.py). That period is
 * the miner's own choice and its default changed between versions, 30 minutes in one; a shorter one is taken here, for a
 * miner that is asked too seldom cannot be judged.
 */
export const DEFAULT_BUDGET: BudgetOptions = { requests: 50, windowMs: 300_000 };

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * Requests that each miner may still get: a bucket of `requests` tokens by hotkey, filled again evenly over the window.
 * Pure of clocks; times are milliseconds of any clock that does not go back.
 */
export class RequestBudget {
  readonly #requests: number;
  readonly #perMs: number;
  /** Buckets that are not full, the one that was spent from last at the end. */
  readonly #buckets = new Map<Hotkey, Bucket>();

  constructor({ requests, windowMs }: BudgetOptions = DEFAULT_BUDGET) {
    this.#requests = requests === 0 ? Number.POSITIVE_INFINITY : requests;
    this.#perMs = requests / windowMs;
  }

  allows(hotkey: Hotkey, nowMs: number): boolean {
    return this.#tokensOf(hotkey, nowMs) >= 1;
  }

  /** Counts one request; those that are sent though `allows` says no are owed. */
  spend(hotkey: Hotkey, nowMs: number): void {
    if (this.#requests === Number.POSITIVE_INFINITY) return;
    const tokens = this.#tokensOf(hotkey, nowMs) - 1;
    this.#buckets.delete(hotkey);
    this.#buckets.set(hotkey, { tokens, atMs: nowMs });
    // Nobody asks for a hotkey that has left the subnet, so its bucket is looked at here, when it is the oldest.
    for (const oldest of this.#buckets.keys()) if (this.#tokensOf(oldest, nowMs) < this.#requests) break;
  }

  /** Milliseconds until the miner may get the next request; 0 when it may now. */
  waitMs(hotkey: Hotkey, nowMs: number): number {
    return Math.max(0, Math.ceil((1 - this.#tokensOf(hotkey, nowMs)) / this.#perMs));
  }

  /** Miners that are not at their full budget; for the tests of its memory. */
  get size(): number {
    return this.#buckets.size;
  }

  #tokensOf(hotkey: Hotkey, nowMs: number): number {
    const bucket = this.#buckets.get(hotkey);
    if (bucket === undefined) return this.#requests;
    const tokens = bucket.tokens + Math.max(0, nowMs - bucket.atMs) * this.#perMs;
    if (tokens < this.#requests) return tokens;
    // A full bucket needs no memory.
    this.#buckets.delete(hotkey);
    return this.#requests;
  }
}
