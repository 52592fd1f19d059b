import type { sleep } from "../base/deadline.ts";
import { backOffMs } from "../base/retry.ts";

/**
 * Doubling from half a second to little more than a block of the public chain: endpoints that are there again are found within three,
 * and one that takes every connection and drops it after the dozen questions of its beginning is asked less than one a second.
 */
const BACK_OFF = { firstMs: 500, maxMs: 15_000 };
/**
 * A node that lets nobody in is asked nothing, so that its pause grows to this index only, four seconds: when the whole network is
 * back after an outage, the first try comes within a block, and one more failure does not cost another.
 */
const TURNED_AWAY_INDEX = 3;
/** A connection that held so long was a sound one; a shorter one is no reason to forget the failures before it. */
const STABLE_MS = 60_000;
/** Weight of the newest call in the score of an endpoint. */
const NEWEST = 0.25;
/** Below it an endpoint is left: three failed calls in a row, or more than half of the last ones. */
const LEAST_SCORE = 0.5;
/** Where an endpoint begins that was left before: two failed calls are enough then. */
const SECOND_CHANCE = 0.75;
/** A preferred endpoint is looked at so often while another one is in use. */
const PROBE_MS = 300_000;
/** So often in a row it has to be well before it is returned to. */
const PROBES_TO_RETURN = 2;
/** After bad looks, or returns that did not last, the next look comes this much later at most. */
const PROBE_MAX_DOUBLINGS = 4;

/** Time and chance, for tests. */
export interface Pace {
  /** Milliseconds that only grow. */
  nowMs?: () => number;
  sleep?: typeof sleep;
  random?: () => number;
}

interface Page {
  /** 0..1, the share of calls that were answered, newer ones counting more. */
  score: number;
  /** Connections that failed or did not last, since the last sound one. */
  failures: number;
  /** Not to be tried before this time. */
  notBeforeMs: number;
  /** The same, as its server asked. */
  askedUntilMs: number;
  /** When it was opened last, or could not be. */
  triedMs: number;
  /** The last try was turned away. */
  isTurnedAway: boolean;
  /** When the connection in use was opened; undefined while there is none. */
  openedMs: number | undefined;
  /** Looks in a row at which it was well, since it was left. */
  wellProbes: number;
  /** Looks at which it was not, and losses, since it last held a connection as long as a look's pause. */
  setbacks: number;
  /** Not to be returned to before this time. */
  probeFromMs: number;
}

/** Endpoints that are being tried. */
type Tried = Pick<ReadonlyMap<string, unknown>, "has">;

export interface OpeningFault {
  /** The pause that the server asked for. */
  leastMs?: number | undefined;
  /** No socket came about. */
  isTurnedAway?: boolean;
}

/**
 * What is known of every endpoint: whether it answers, how often it failed, and when it may be tried again. It outlives
 * connections, so that a node which takes every connection and drops it soon after is not asked ever faster.
 */
export class EndpointBook {
  readonly #endpoints: readonly string[];
  readonly #pages: ReadonlyMap<string, Page>;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  #requests = 0;
  /** Of whichever endpoint: several preferred ones share the pause. */
  #probeFromMs = Number.NEGATIVE_INFINITY;

  constructor(endpoints: readonly string[], pace: Pace = {}) {
    this.#endpoints = endpoints;
    this.#nowMs = pace.nowMs ?? (() => performance.now());
    this.#random = pace.random ?? Math.random;
    this.#pages = new Map(
      endpoints.map((endpoint) => [
        endpoint,
        {
          score: 1,
          failures: 0,
          notBeforeMs: Number.NEGATIVE_INFINITY,
          askedUntilMs: Number.NEGATIVE_INFINITY,
          triedMs: Number.NEGATIVE_INFINITY,
          isTurnedAway: false,
          openedMs: undefined,
          wellProbes: 0,
          setbacks: 0,
          probeFromMs: Number.NEGATIVE_INFINITY,
        },
      ]),
    );
  }

  /**
   * The endpoint to try now: the first in the order given that may be tried, beginning behind `after`; else the one whose pause ends first.
   * @param tried those that are being tried already
   * @returns undefined where all are
   */
  next(after: string, tried: Tried): string | undefined;
  next(after?: string): string;
  next(after?: string, tried?: Tried): string | undefined {
    const begin = after === undefined ? 0 : this.#endpoints.indexOf(after) + 1;
    const ring = [...this.#endpoints.slice(begin), ...this.#endpoints.slice(0, begin)];
    const free = ring.filter((one) => tried?.has(one) !== true);
    return free.length === 0
      ? undefined
      : free.reduce((best, one) => (this.waitMs(one, tried) < this.waitMs(best, tried) ? one : best));
  }

  /** Milliseconds until this endpoint may be tried; 0 when it may be now. */
  pauseMs(endpoint: string): number {
    return Math.max(0, this.#page(endpoint).notBeforeMs - this.#nowMs());
  }

  /**
   * Milliseconds until this endpoint may be tried while none is connected. Those that let somebody in share the longest pause: one of
   * them comes each part of it, so that all of them never wait at once, and none is asked more often than if it were the only one.
   * @param tried those that are being tried already
   */
  waitMs(endpoint: string, tried?: Tried): number {
    const pauseMs = this.pauseMs(endpoint);
    const now = this.#nowMs();
    const isSharing = ({ isTurnedAway, askedUntilMs }: Page): boolean => !isTurnedAway && askedUntilMs <= now;
    const page = this.#page(endpoint);
    if (pauseMs === 0 || !isSharing(page)) return pauseMs;
    const sharing = this.#endpoints
      .filter((one) => tried?.has(one) !== true)
      .map((one) => this.#page(one))
      .filter(isSharing);
    const times = sharing.map(({ triedMs }) => triedMs);
    if (page.triedMs > Math.min(...times)) return pauseMs;
    const turnMs = Math.max(...times) + BACK_OFF.maxMs / sharing.length;
    return Math.min(pauseMs, Math.max(0, turnMs - now));
  }

  /** All but this one, in the order given. */
  others(used: string): string[] {
    return this.#endpoints.filter((one) => one !== used);
  }

  /** Number of endpoints. */
  get size(): number {
    return this.#endpoints.length;
  }

  /** Requests that were sent to all endpoints. */
  get requests(): number {
    return this.#requests;
  }

  requested(): void {
    this.#requests++;
  }

  /** 0..1 */
  scoreOf(endpoint: string): number {
    return this.#page(endpoint).score;
  }

  opened(endpoint: string): void {
    const page = this.#page(endpoint);
    page.isTurnedAway = false;
    page.triedMs = this.#nowMs();
    page.openedMs = page.triedMs;
    if (page.score < SECOND_CHANCE) page.score = SECOND_CHANCE;
  }

  /** The endpoint that is to be looked at now, because it was named before the one in use; undefined for none. */
  toProbe(used: string): string | undefined {
    const now = this.#nowMs();
    if (now < this.#probeFromMs) return undefined;
    const preferred = this.#endpoints.slice(0, this.#endpoints.indexOf(used));
    return preferred.find((one) => now >= this.#page(one).probeFromMs && this.pauseMs(one) === 0);
  }

  /** @returns whether it was well so often in a row that it may be returned to */
  probed(endpoint: string, isWell: boolean): boolean {
    const page = this.#page(endpoint);
    this.#probeFromMs = this.#nowMs() + PROBE_MS;
    if (!isWell) {
      this.#setBack(page);
      return false;
    }
    page.wellProbes++;
    return page.wellProbes >= PROBES_TO_RETURN;
  }

  /** The connection was given up for that of a preferred endpoint; nothing was wrong with it. */
  leftWell(endpoint: string): void {
    this.#page(endpoint).openedMs = undefined;
  }

  /** The connection ended, or was left. */
  lost(endpoint: string): void {
    const page = this.#page(endpoint);
    const heldMs = page.openedMs === undefined ? 0 : this.#nowMs() - page.openedMs;
    const isSound = heldMs >= STABLE_MS;
    if (heldMs >= PROBE_MS) page.setbacks = 0;
    this.#setBack(page);
    page.openedMs = undefined;
    if (isSound && page.score >= LEAST_SCORE) {
      page.failures = 0;
      return;
    }
    // The first time may be chance; from the second on there is a pause.
    this.#pause(page, page.failures - 1);
  }

  /** It could not be opened. */
  failed(endpoint: string, { leastMs = 0, isTurnedAway = false }: OpeningFault = {}): void {
    const page = this.#page(endpoint);
    page.openedMs = undefined;
    page.isTurnedAway = isTurnedAway;
    page.triedMs = this.#nowMs();
    this.#setBack(page);
    if (isTurnedAway) page.failures = Math.min(page.failures, TURNED_AWAY_INDEX);
    this.#pause(page, page.failures, leastMs);
  }

  called(endpoint: string, isAnswered: boolean): void {
    const page = this.#page(endpoint);
    page.score = (1 - NEWEST) * page.score + NEWEST * (isAnswered ? 1 : 0);
  }

  /** Whether this endpoint should be left for another. */
  isBad(endpoint: string): boolean {
    return this.size > 1 && this.scoreOf(endpoint) < LEAST_SCORE;
  }

  #setBack(page: Page): void {
    page.wellProbes = 0;
    page.probeFromMs = this.#nowMs() + PROBE_MS * 2 ** Math.min(page.setbacks, PROBE_MAX_DOUBLINGS);
    page.setbacks++;
  }

  #pause(page: Page, index: number, leastMs = 0): void {
    const pauseMs = index < 0 ? 0 : backOffMs(BACK_OFF, index, this.#random);
    page.failures++;
    page.askedUntilMs = this.#nowMs() + leastMs;
    page.notBeforeMs = this.#nowMs() + Math.max(pauseMs, leastMs);
  }

  #page(endpoint: string): Page {
    const page = this.#pages.get(endpoint);
    if (page === undefined) throw new RangeError("not one of the endpoints");
    return page;
  }
}
