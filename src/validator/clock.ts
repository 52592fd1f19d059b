import { withDeadline } from "../base/deadline.ts";
import type { BlockNumber } from "../base/units.ts";

export interface Duty {
  name: string;
  /** Called at every new block while the duty does not run; true starts it. */
  isDue(block: BlockNumber): boolean;
  run(block: BlockNumber): Promise<void>;
}

/**
 * The block clock. At every head it starts the duties that are due. A duty that still runs is skipped, never queued:
 * a slow chain must not pile up work.
 */
export class Clock {
  readonly #running = new Map<string, Promise<void>>();
  readonly #unsubscribe: () => void;

  /** @param onFault what a duty threw */
  constructor(
    heads: { onHead(callback: (block: BlockNumber) => Promise<void>): () => void },
    duties: readonly Duty[],
    onFault: (duty: string, error: unknown) => void,
  ) {
    this.#unsubscribe = heads.onHead(async (block) => {
      for (const duty of duties) {
        if (this.#running.has(duty.name) || !duty.isDue(block)) continue;
        const running = duty
          .run(block)
          .catch((error: unknown) => onFault(duty.name, error))
          .finally(() => this.#running.delete(duty.name));
        this.#running.set(duty.name, running);
      }
      await Promise.all(this.#running.values());
    });
  }

  /**
   * Stops listening and waits for what runs.
   * @throws Failure `deadline.passed` when a duty hangs
   */
  async stop(timeoutMs: number): Promise<void> {
    this.#unsubscribe();
    await withDeadline("Finishing the duties", timeoutMs, Promise.all(this.#running.values()));
  }
}
