import { randomUUID } from "node:crypto";

const NS_PER_MS = 1_000_000n;

/** Unix time in nanoseconds that never repeats and never goes back, whatever the clock does. */
export class NonceClock {
  #last = 0n;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  next(): bigint {
    const now = BigInt(Math.trunc(this.#nowMs())) * NS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }
}

/**
 * Uuids of requests in flight. A miner keeps the last nonce of each (hotkey, uuid) and refuses an older one, so that
 * two requests under one uuid that overtake each other would cost the miner its answer. A freed uuid is used again:
 * miners remember every one for ever.
 */
export class UuidPool {
  readonly #free: string[] = [];

  take(): string {
    return this.#free.pop() ?? randomUUID();
  }

  give(uuid: string): void {
    this.#free.push(uuid);
  }
}
