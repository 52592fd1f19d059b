import type { Time } from "./ports.ts";

/** Milliseconds of the stages of one step, from `performance`-like time. */
export class Stopwatch {
  readonly #time: Pick<Time, "nowMs">;
  readonly #startedMs: number;
  readonly laps: Record<string, number> = {};

  constructor(time: Pick<Time, "nowMs">) {
    this.#time = time;
    this.#startedMs = time.nowMs();
  }

  /** Waits for `work` and keeps how long that took under `name`, also when it fails. */
  async lap<T>(name: string, work: Promise<T>): Promise<T> {
    const startedMs = this.#time.nowMs();
    try {
      return await work;
    } finally {
      this.laps[name] = this.#time.nowMs() - startedMs;
    }
  }

  get elapsedMs(): number {
    return this.#time.nowMs() - this.#startedMs;
  }
}
