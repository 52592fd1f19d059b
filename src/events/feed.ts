import { freeBytesOf } from "../base/disk.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { backOffMs } from "../base/retry.ts";
import { lineOf } from "./line.ts";
import { EVENT_KINDS, EVENT_VERSION, type Event, type EventBody } from "./schema.ts";
import { type EventReader, type SubscribeOptions, Subscription } from "./subscription.ts";

/** Where lines go first (journal.ts). */
export interface JournalWriter {
  readonly path: string;
  /** @throws when the line is not in the journal. */
  write(line: Uint8Array): void;
  /** Gives up what it can spare, where the disk is short; never throws. */
  makeRoom?(): void;
  close(): Promise<void>;
}

export interface FeedOptions {
  /** undefined = events are not kept on disk. */
  journal: JournalWriter | undefined;
  identity: { genesis: string; netuid: number; hotkey: string };
  /** The chain's head; must not throw. */
  block(): number;
  /** Replaced by tests: the run's id, the time, and how a retry is put off (gives back how to cancel it). */
  run?: string;
  now?(): Date;
  later?(ms: number, work: () => void): () => void;
}

export interface FeedState {
  /** lost: it cannot be written at the moment. */
  journal: "off" | "written" | "lost";
  emitted: number;
  /** Events in memory that wait for the journal. */
  waiting: number;
  /** Events that are in no journal and never will be. */
  lost: number;
  /** Events that were not in the shape of their kind: a fault of this program, and readers leave them out. */
  malformed: number;
  subscribers: { name: string; waiting: number; dropped: number; failures: number }[];
}

/** While the journal cannot be written it is tried again after 1 s, 2 s, … 60 s. */
const JOURNAL_BACK_OFF = { firstMs: 1_000, maxMs: 60_000 };
/** Lines that wait for a journal that cannot be written: an hour of a usual subnet, and no burden. */
const MAX_WAITING_BYTES = 16 << 20;
/** How long readers may take over the last events. */
const DRAIN_TIMEOUT_MS = 3_000;

function inTime(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  timer.unref();
  return () => clearTimeout(timer);
}

/**
 * The one way of events: stamped, written to the journal, then handed to the subscribers, which can neither hold nor
 * break the emitter. A journal that cannot be written does not end the run: lines wait in bounded memory, and are lost
 * (and counted) beyond it.
 */
export class EventFeed {
  readonly run: string;
  readonly #options: FeedOptions;
  readonly #journal: JournalWriter | undefined;
  readonly #subscriptions = new Set<Subscription>();
  #sequence = 0;
  #lost = 0;
  #malformed = 0;
  #isJournalLost = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #retries = 0;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.run = options.run ?? crypto.randomUUID();
  }

  get state(): FeedState {
    return {
      journal: this.#journal === undefined ? "off" : this.#isJournalLost ? "lost" : "written",
      emitted: this.#sequence,
      waiting: this.#waiting.length,
      lost: this.#lost,
      malformed: this.#malformed,
      subscribers: [...this.#subscriptions].map(({ name, waiting, dropped, failures }) => ({
        name,
        waiting,
        dropped,
        failures,
      })),
    };
  }

  /** The disk runs out: the oldest events make room. */
  makeRoom(): void {
    this.#journal?.makeRoom?.();
  }

  /**
   * Makes an event of the body and sends it on its way. Never throws, whatever disk and subscribers do.
   * @param block where the event tells of another block than the head
   */
  emit(body: EventBody, block?: number): Event {
    const { identity, now } = this.#options;
    const event = Object.freeze({
      version: EVENT_VERSION,
      time: (now?.() ?? new Date()).toISOString(),
      ...identity,
      block: block ?? this.#options.block(),
      run: this.run,
      sequence: this.#sequence++,
      ...body,
    }) as Event;
    if (this.#isClosed) {
      log.error("An event came after the end of the feed", { kind: body.kind });
      this.#lost++;
      return event;
    }
    this.#check(body);
    const line = lineOf(event);
    const failure = this.#record(line);
    for (const subscription of this.#subscriptions) subscription.offer(event, line.length);
    if (failure !== undefined) this.#loseJournal(failure);
    return event;
  }

  /** Hands every event from now on to `read`, in batches and in order, until the subscription or the feed is closed. */
  subscribe(name: string, options: SubscribeOptions, read: EventReader): Subscription {
    const subscription = new Subscription(name, options, read, () => {
      this.#subscriptions.delete(subscription);
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Tries the journal now if it could not be written before. */
  retryJournal(): void {
    if (!this.#isJournalLost) return;
    this.#cancelRetry?.();
    try {
      while (this.#waiting.length > 0) {
        this.#journal!.write(this.#waiting[0]!);
        this.#waitingBytes -= this.#waiting.shift()!.length;
      }
    } catch (error) {
      log.debug("The journal cannot be written yet", { error });
      this.#retryLater();
      return;
    }
    this.#isJournalLost = false;
    this.#retries = 0;
    const detail = `${this.#lost} events of this run are lost`;
    log.warn("The journal is written again", { path: this.#journal!.path, lostEvents: this.#lost });
    this.#emitDisk("journal-back", detail);
  }

  /** Gives the readers a bounded time for the last events, then closes the journal. Emit nothing afterwards. */
  async close(drainTimeoutMs = DRAIN_TIMEOUT_MS): Promise<void> {
    if (this.#isClosed) return;
    this.retryJournal();
    this.#isClosed = true;
    this.#cancelRetry?.();
    await this.#drain(drainTimeoutMs);
    for (const subscription of this.#subscriptions) subscription.close();
    if (this.#waiting.length > 0) {
      this.#lost += this.#waiting.length;
      this.#waiting = [];
      log.error("Events of this run are in no journal", { events: this.#lost, path: this.#journal?.path });
    }
    await this.#journal?.close();
  }

  async #drain(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    const drained = Promise.all([...this.#subscriptions].map((subscription) => subscription.drained()));
    if ((await Promise.race([drained, late])) === "late")
      log.warn("Readers of events did not finish in time", {
        readers: this.state.subscribers.filter(({ waiting }) => waiting > 0).map(({ name }) => name),
        seconds: timeoutMs / 1000,
      });
    clearTimeout(timer);
  }

  /** The shape is held by the types, but for numbers: NaN and infinity are none in JSON. */
  #check(body: EventBody): void {
    const result = EVENT_KINDS[body.kind].safeParse(body);
    if (result.success) return;
    this.#malformed++;
    const [issue] = result.error.issues;
    log.error("An event is not in the shape of its kind", {
      kind: body.kind,
      field: issue?.path.join("."),
      problem: issue?.message,
    });
  }

  /** Gives the error by which the journal was lost just now. */
  #record(line: Uint8Array): unknown {
    if (this.#journal === undefined) return undefined;
    if (this.#isJournalLost) {
      this.#keepWaiting(line);
      return undefined;
    }
    try {
      this.#journal.write(line);
      return undefined;
    } catch (error) {
      this.#isJournalLost = true;
      this.#keepWaiting(line);
      return error;
    }
  }

  #loseJournal(error: unknown): void {
    log.error("The journal cannot be written; the run goes on without it", {
      path: this.#journal!.path,
      error,
      hint: "make room on the disk, or see who may write there",
    });
    this.#emitDisk("journal-lost", messageOf(error));
    this.#retryLater();
  }

  #keepWaiting(line: Uint8Array): void {
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    while (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#waitingBytes -= this.#waiting.shift()!.length;
      this.#lost++;
    }
  }

  #retryLater(): void {
    const later = this.#options.later ?? inTime;
    this.#cancelRetry = later(backOffMs(JOURNAL_BACK_OFF, this.#retries++), () => this.retryJournal());
  }

  #emitDisk(state: "journal-lost" | "journal-back", detail: string): void {
    const { path } = this.#journal!;
    this.emit({ kind: "disk", state, path, free_bytes: freeBytes(path), detail });
  }
}

/** null where the folder is gone. */
function freeBytes(path: string): number | null {
  try {
    return freeBytesOf(path);
  } catch {
    return null; // the event says "unknown"; why the folder cannot be used is in its detail
  }
}
