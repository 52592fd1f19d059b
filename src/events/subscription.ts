import { log } from "../base/log.ts";
import type { Event } from "./schema.ts";

export interface SubscribeOptions {
  /** Events that may wait; beyond it the oldest are dropped. */
  capacity: number;
  /** The same bound in bytes of their lines: a step may hold megabytes of miners' text. Default 32 MiB. */
  capacityBytes?: number;
}

/** May take its time, and may throw; the next events wait for it, nobody else does. */
export type EventReader = (events: readonly Event[]) => void | Promise<void>;

const DEFAULT_CAPACITY_BYTES = 32 << 20;

interface Waiting {
  event: Event;
  sizeBytes: number;
}

/**
 * One reader of the feed with a bounded queue of its own. Events are handed over outside the stack of who emits, in
 * order and in batches, one batch at a time.
 */
export class Subscription {
  readonly name: string;
  readonly #capacity: number;
  readonly #capacityBytes: number;
  readonly #read: EventReader;
  #queue: Waiting[] = [];
  #queueBytes = 0;
  #dropped = 0;
  #failures = 0;
  #isDropping = false;
  #isFailing = false;
  #isClosed = false;
  #delivery: Promise<void> | undefined;
  readonly #onClose: () => void;

  constructor(name: string, options: SubscribeOptions, read: EventReader, onClose: () => void) {
    this.name = name;
    this.#capacity = options.capacity;
    this.#capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
    this.#read = read;
    this.#onClose = onClose;
  }

  /** Events that this reader never saw. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Batches at which the reader threw. */
  get failures(): number {
    return this.#failures;
  }

  /** Events that wait to be handed over. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes an event for the reader; never throws and never calls it. For the feed alone. */
  offer(event: Event, sizeBytes: number): void {
    if (this.#isClosed) return;
    this.#queue.push({ event, sizeBytes });
    this.#queueBytes += sizeBytes;
    while (this.#queue.length > this.#capacity || this.#queueBytes > this.#capacityBytes) {
      this.#queueBytes -= this.#queue.shift()!.sizeBytes;
      this.#dropped++;
      if (!this.#isDropping)
        log.warn("A reader of events is too slow and misses some", { reader: this.name });
      this.#isDropping = true;
    }
    this.#delivery ??= this.#deliver();
  }

  /** When the queue is empty and the reader at rest. */
  async drained(): Promise<void> {
    while (this.#delivery) await this.#delivery;
  }

  /** Nothing is handed over from now on; what waits is forgotten. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#onClose();
  }

  async #deliver(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.map(({ event }) => event);
      this.#queue = [];
      this.#queueBytes = 0;
      try {
        await this.#read(batch);
        this.#isFailing = false;
      } catch (error) {
        this.#failures++;
        if (!this.#isFailing) log.warn("A reader of events failed", { reader: this.name, error });
        this.#isFailing = true;
      }
    }
    this.#isDropping = false;
    // In one go with the last look at the queue, so that no event comes in between and stays.
    this.#delivery = undefined;
  }
}
