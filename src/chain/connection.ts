import type { ApiPromise } from "@polkadot/api";
import { sleep, withDeadline } from "../base/deadline.ts";
import { Failure, firstLineOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import { printableUrl } from "../base/url.ts";
import {
  AHEAD_MS,
  type ConnectOptions,
  FIRST_AHEAD_MS,
  FIRST_PATIENCE_MS,
  FIRST_ROUNDS,
} from "./connect-options.ts";
import { readElsewhere } from "./elsewhere.ts";
import { EndpointBook } from "./endpoint-book.ts";
import { openIfWell } from "./endpoint-probe.ts";
import { blockTimeOf, type Session, type SessionEvents } from "./endpoint-session.ts";
import { EndpointWatch } from "./endpoint-watch.ts";
import { chainFailure } from "./errors.ts";
import { isBusy, isNodesFault } from "./faults.ts";
import { Heads } from "./heads.ts";
import { openOne } from "./open-one.ts";
import { closed, EarlyEvents, type OpenedSession } from "./opening.ts";

/** Slots without a block after which a socket counts as dead: nodes miss one now and then, hardly three. */
const STALL_SLOTS = 3;
/** Below this a busy machine with fast blocks would reconnect for nothing. */
const MIN_STALL_MS = 10_000;
/** How long a request waits for a connection that is being made again. */
const READY_TIMEOUT_MS = 60_000;
/** One logical read: some round trips, each bounded by the session's own limit. */
const ASK_TIMEOUT_MS = 45_000;
/** A reading is tried so often: one more than a bad endpoint is given before it is left. */
const ASK_ATTEMPTS = 4;
/** Before the second attempt; doubles with each. */
const ASK_PAUSE_MS = 250;

/**
 * The only owner of the websocket to the chain. It watches for new blocks, goes to the next endpoint when there are
 * none, and reads the metadata anew after a runtime upgrade, because the library then loses the runtime APIs.
 */
export class ChainConnection {
  readonly genesisHash: string;
  readonly #closing = new AbortController();
  readonly #watchdog: ReturnType<typeof setInterval>;
  readonly #stallMs: number | undefined;
  readonly #watch: EndpointWatch;
  readonly #book: EndpointBook;
  readonly #pause: typeof sleep;
  /** Submissions under way, which a change of the endpoint would cut off. */
  #holds = 0;
  #session: Session;
  readonly #heads: Heads;
  #reopening: Promise<void> | null = null;

  /**
   * @throws Failure `chain.unreachable` when no endpoint answered in three rounds, `chain.wrong-genesis` when every
   * one that did belongs to another chain, `chain.closed` when the signal was aborted
   */
  static async connect(options: ConnectOptions): Promise<ChainConnection> {
    const { endpoints, expectedGenesis, signal, pace, patienceMs = FIRST_PATIENCE_MS } = options;
    const watch = new EndpointWatch(options.onState);
    const book = new EndpointBook(endpoints, pace);
    const startedMs = performance.now();
    const { opened, early } = await openOne({
      book,
      watch,
      first: book.next(),
      rules: () => ({ expectedGenesis, head: 0 }),
      aheadMs: FIRST_AHEAD_MS,
      goesOn: (tries, failures) =>
        tries < endpoints.length * FIRST_ROUNDS ||
        (failures.some(isBusy) && performance.now() - startedMs < patienceMs),
      pause: pace?.sleep ?? sleep,
      signal,
    });
    const { session, head, age } = opened;
    const { endpoint } = session;
    const connection = new ChainConnection(session, head, options, { watch, book });
    early.forwardTo(connection.#eventsOf(session));
    log.info("Connected to the chain", {
      endpoint: printableUrl(endpoint),
      spec: session.specVersion,
      genesis: session.genesisHash,
      block: head,
    });
    book.opened(endpoint);
    watch.opened(endpoint, age);
    return connection;
  }

  private constructor(
    session: Session,
    head: number,
    options: ConnectOptions,
    { watch, book }: { watch: EndpointWatch; book: EndpointBook },
  ) {
    this.#watch = watch;
    this.#book = book;
    this.#pause = options.pace?.sleep ?? sleep;
    this.#session = session;
    this.#heads = new Heads(head, this.#closing.signal);
    this.#stallMs = options.stallMs;
    this.genesisHash = session.genesisHash;
    const stall = this.#stallLimitMs();
    this.#watchdog = setInterval(() => this.#checkProgress(), Math.max(50, stall / 5));
  }

  /** Never keep it: after an upgrade or a reconnect this is another object. */
  get api(): ApiPromise {
    return this.#session.api;
  }

  /** With whatever password or key it has; `printableUrl` before it is shown. */
  get endpoint(): string {
    return this.#session.endpoint;
  }

  get specVersion(): number {
    return this.#session.specVersion;
  }

  get blockTimeMs(): number {
    return blockTimeOf(this.#session.api);
  }

  /** The highest block seen. */
  head(): BlockNumber {
    return this.#heads.head;
  }

  /** The highest block that is final; undefined before the node in use told of one. */
  finalized(): BlockNumber | undefined {
    return this.#heads.finalized;
  }

  /** Whether the next block is overdue: a slot is missed now and then, three in a row are not. */
  isOverdue(): boolean {
    return this.#heads.silentMs > STALL_SLOTS * this.blockTimeMs;
  }

  /** Calls back at every new highest block; numbers may skip. Returns how to stop that. */
  onHead(callback: (block: BlockNumber) => void): () => void {
    return this.#heads.onHead(callback);
  }

  /**
   * Runs a reading against a live connection, each attempt within a deadline. Where the node is to blame it is tried again, on another
   * endpoint once this one is left, so that one lost answer of a dozen does not cost a whole submission.
   * @param name appears in errors: "reading the metagraph"
   * @param work changes nothing, wherever and however often it runs
   * @throws Failure `chain.unreachable` for whatever the library throws; `chain.closed`
   */
  async ask<T>(name: string, work: (api: ApiPromise) => Promise<T>, timeoutMs = ASK_TIMEOUT_MS): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.ready();
      try {
        return await this.#askOnce(name, work, timeoutMs);
      } catch (error) {
        if (attempt >= ASK_ATTEMPTS || this.isClosed || !isNodesFault(error)) throw error;
        log.debug("A reading of the chain is tried again", { name, error });
        await this.#pause(ASK_PAUSE_MS * 2 ** (attempt - 1), this.#closing.signal);
      }
    }
  }

  /**
   * The same of the other endpoints, for what the one in use does not have any more.
   * @returns undefined where none of them can tell
   */
  askElsewhere<T>(name: string, work: (api: ApiPromise) => Promise<T>): Promise<T | undefined> {
    const rules = { expectedGenesis: this.genesisHash, head: this.head() };
    const others = { book: this.#book, used: this.endpoint, rules };
    return readElsewhere({ name, timeoutMs: ASK_TIMEOUT_MS, work }, others, this.#closing.signal);
  }

  async #askOnce<T>(name: string, work: (api: ApiPromise) => Promise<T>, timeoutMs: number): Promise<T> {
    const session = this.#session;
    try {
      const answer = await withDeadline(name, timeoutMs, work(session.api));
      this.#note(session, true);
      return answer;
    } catch (error) {
      this.#note(session, !isNodesFault(error));
      if (error instanceof Failure) throw error;
      // The library appends the whole request to its messages.
      throw chainFailure("chain.unreachable", {
        message: `${name} failed: ${firstLineOf(error)}`,
        data: { endpoint: printableUrl(this.endpoint) },
        retry: "soon",
        cause: error,
      });
    }
  }

  /**
   * Keeps the endpoint while `work` runs, as long as it lives: a submission that changes nodes half-way is followed nowhere.
   */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#holds++;
    try {
      return await work();
    } finally {
      this.#holds--;
      this.#leaveIfBad();
    }
  }

  /** Whether an endpoint that was named before the one in use is to be looked at now. */
  isSecondChoice(): boolean {
    return this.#book.toProbe(this.endpoint) !== undefined;
  }

  /**
   * Looks, once in some minutes, whether an endpoint that was named before the one in use is well again, and goes back to it after
   * the second time. The one in use stays until the other is open.
   * @param mayLeave asked again before the change, which cuts readings off that are under way
   */
  async preferEndpoint(mayLeave: () => boolean): Promise<void> {
    const isFree = (): boolean => !this.isClosed && !this.#reopening && this.#holds === 0 && mayLeave();
    const endpoint = isFree() ? this.#book.toProbe(this.endpoint) : undefined;
    if (endpoint === undefined) return;
    const early = new EarlyEvents(() => this.#book.requested());
    const known = { genesis: this.genesisHash, head: this.head() };
    const opened = await openIfWell(endpoint, this.#book, known, early, this.#closing.signal);
    if (opened === undefined) return;
    if (!isFree()) return opened.session.close();
    this.#book.leftWell(this.endpoint);
    this.#watch.returning(this.endpoint, endpoint);
    this.#use(opened, early);
  }

  #use({ session, age }: OpenedSession, early: EarlyEvents): void {
    const previous = this.#session;
    this.#session = session;
    this.#heads.begin();
    previous.close();
    // From here on a loss of the new session starts the next attempt.
    this.#reopening = null;
    this.#book.opened(session.endpoint);
    early.forwardTo(this.#eventsOf(session));
    this.#watch.opened(session.endpoint, age);
  }

  /** Requests that were sent since the start, to all endpoints together. */
  get requests(): number {
    return this.#book.requests;
  }

  /** Each answered or failed call counts for or against its endpoint. */
  #note(session: Session, isAnswered: boolean): void {
    if (this.#session !== session || this.isClosed) return;
    this.#book.called(session.endpoint, isAnswered);
    this.#leaveIfBad();
  }

  #leaveIfBad(): void {
    if (this.#holds > 0 || this.#reopening || this.isClosed || !this.#book.isBad(this.endpoint)) return;
    this.#watch.lost(this.endpoint, "its calls fail, though it shows blocks");
    this.#reopen(true);
  }

  /** Waits while the connection is being made again. */
  async ready(): Promise<void> {
    if (this.#closing.signal.aborted) throw closed();
    if (this.#reopening)
      await withDeadline("connecting to the chain again", READY_TIMEOUT_MS, this.#reopening);
    if (this.#closing.signal.aborted) throw closed();
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Waits for a block of at least `block`. @returns false when the time is up, or the signal aborted, first */
  waitForBlock(block: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#heads.wait(block, timeoutMs, signal);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearInterval(this.#watchdog);
    this.#heads.close();
    this.#session.close();
    await this.#reopening;
  }

  #eventsOf(session: Session): SessionEvents {
    const isCurrent = (): boolean => this.#session === session;
    return {
      onRequest: () => this.#book.requested(),
      onHead: (block) => {
        if (isCurrent()) this.#heads.advance(block);
      },
      onFinalized: (block) => {
        if (isCurrent()) this.#heads.finalize(block);
      },
      onUpgrade: (specVersion) => {
        if (!isCurrent()) return;
        this.#watch.upgraded(session.endpoint, session.specVersion, specVersion);
        this.#reopen(false);
      },
      onLost: (reason) => {
        if (!isCurrent()) return;
        this.#watch.lost(session.endpoint, reason);
        this.#reopen(true);
      },
    };
  }

  #stallLimitMs(): number {
    return this.#stallMs ?? Math.max(MIN_STALL_MS, STALL_SLOTS * this.blockTimeMs);
  }

  #checkProgress(): void {
    if (this.#reopening || this.#heads.silentMs < this.#stallLimitMs()) return;
    this.#watch.lost(this.endpoint, `it shows no block after ${this.head()}`);
    this.#reopen(true);
  }

  #reopen(atNextEndpoint: boolean): void {
    if (this.#reopening || this.#closing.signal.aborted) return;
    if (atNextEndpoint) this.#book.lost(this.endpoint);
    const run = this.#openUntilItWorks(atNextEndpoint).finally(() => {
      if (this.#reopening === run) this.#reopening = null;
    });
    this.#reopening = run;
  }

  async #openUntilItWorks(atNextEndpoint: boolean): Promise<void> {
    const { signal } = this.#closing;
    try {
      const { opened, early } = await openOne({
        book: this.#book,
        watch: this.#watch,
        first: atNextEndpoint ? this.#book.next(this.endpoint) : this.endpoint,
        rules: () => ({ expectedGenesis: this.genesisHash, head: this.head() }),
        aheadMs: AHEAD_MS,
        pause: this.#pause,
        signal,
      });
      this.#use(opened, early);
    } catch (error) {
      // Nothing else ends it.
      if (!signal.aborted) throw error;
    }
  }
}
