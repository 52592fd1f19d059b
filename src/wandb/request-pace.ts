import { sleep } from "../base/deadline.ts";

const WINDOW_MS = 60_000;

/** A clock that tests can turn. */
export interface PaceClock {
  nowMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const REAL: PaceClock = { nowMs: () => performance.now(), sleep };

/** Spaces the requests of everybody who reads from one server: so many in any minute, and none while it wants quiet. */
export class RequestPace {
  readonly #perMinute: number;
  readonly #clock: PaceClock;
  #turnsMs: number[] = [];
  #quietUntilMs = 0;

  constructor(perMinute: number, clock: PaceClock = REAL) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** Waits until a request may be sent; returns early when the signal comes. */
  async turn(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted) {
      const nowMs = this.#clock.nowMs();
      const earlier = this.#turnsMs.at(-this.#perMinute);
      const fullMs = earlier === undefined ? 0 : earlier + WINDOW_MS - nowMs;
      const waitMs = Math.max(fullMs, this.#quietUntilMs - nowMs);
      if (waitMs <= 0) {
        this.#turnsMs = [...this.#turnsMs.filter((at) => at > nowMs - WINDOW_MS), nowMs];
        return;
      }
      await this.#clock.sleep(waitMs, signal);
    }
  }

  /** Nobody asks for so long. */
  pause(ms: number): void {
    this.#quietUntilMs = Math.max(this.#quietUntilMs, this.#clock.nowMs() + ms);
  }
}
