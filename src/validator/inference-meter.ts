import type { Served } from "../inference/changes.ts";

type ServedTimes = Pick<Served, "queueMs" | "computeMs">;

/** Adds up what the inference processes did, so that a step can tell its own part. */
export class InferenceMeter {
  #queueMs = 0;
  #computeMs = 0;

  add({ queueMs, computeMs }: ServedTimes): void {
    this.#queueMs += queueMs;
    this.#computeMs += computeMs;
  }

  /** Runs `work` and gives what was added meanwhile; with several forwards side by side, theirs is in it. */
  async during<T>(work: () => Promise<T>): Promise<{ result: T; served: ServedTimes }> {
    const before = { queueMs: this.#queueMs, computeMs: this.#computeMs };
    const result = await work();
    const served = {
      queueMs: this.#queueMs - before.queueMs,
      computeMs: this.#computeMs - before.computeMs,
    };
    return { result, served };
  }
}
