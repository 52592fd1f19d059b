import { log } from "../base/log.ts";
import { asBlock, type BlockNumber } from "../base/units.ts";

/** The highest block that was seen, and who waits for the next. */
export class Heads {
  readonly #listeners = new Set<(block: BlockNumber) => void>();
  readonly #closing: AbortSignal;
  #head: number;
  #finalized: number | undefined;
  /** Whether the connection in use told of a final block. */
  #isFinalityTold = false;
  #progressMs = Date.now();

  /** @param closing ends every wait */
  constructor(head: number, closing: AbortSignal) {
    this.#head = head;
    this.#closing = closing;
  }

  get head(): BlockNumber {
    return asBlock(this.#head);
  }

  /**
   * The highest block that is final; undefined until the connection in use told of one: what was final before an outage stays so, but
   * would count as old beside the head.
   */
  get finalized(): BlockNumber | undefined {
    return this.#isFinalityTold && this.#finalized !== undefined ? asBlock(this.#finalized) : undefined;
  }

  finalize(block: number): void {
    this.#isFinalityTold = true;
    this.#finalized = Math.max(block, this.#finalized ?? 0);
  }

  /** Time since the last new block, or since `begin`, milliseconds. */
  get silentMs(): number {
    return Date.now() - this.#progressMs;
  }

  /** A new connection has its own time to show a block. */
  begin(): void {
    this.#progressMs = Date.now();
    this.#isFinalityTold = false;
  }

  advance(block: number): void {
    // A node that lags behind, or goes back in a reorganisation, is no progress.
    if (block <= this.#head) return;
    this.#head = block;
    this.#progressMs = Date.now();
    for (const listener of this.#listeners) {
      try {
        listener(asBlock(block));
      } catch (error) {
        log.error("A block could not be worked on", { block, error });
      }
    }
  }

  /** Calls back at every new highest block; numbers may skip. Returns how to stop that. */
  onHead(callback: (block: BlockNumber) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** Waits for a block of at least `block`. @returns false when the time is up, or the signal aborted, first */
  async wait(block: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#head >= block) return true;
    const ends = signal ? AbortSignal.any([this.#closing, signal]) : this.#closing;
    if (ends.aborted) return false;
    return new Promise((resolve) => {
      const finish = (reached: boolean): void => {
        clearTimeout(timer);
        stop();
        ends.removeEventListener("abort", abandon);
        resolve(reached);
      };
      const abandon = (): void => finish(false);
      const timer = setTimeout(abandon, timeoutMs);
      const stop = this.onHead((head) => {
        if (head >= block) finish(true);
      });
      ends.addEventListener("abort", abandon, { once: true });
    });
  }

  close(): void {
    this.#listeners.clear();
  }
}
