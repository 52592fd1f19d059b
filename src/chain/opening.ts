import { withDeadline } from "../base/deadline.ts";
import { firstLineOf, isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import { openSession, type Session, type SessionEvents } from "./endpoint-session.ts";
import { chainFailure } from "./errors.ts";
import { numberOf, readStorage } from "./storage.ts";

/** A head as old as this is no head: five slots of the public chain, of which three in a row are never missed. */
const MAX_HEAD_AGE_MS = 60_000;
/** A node may be this far behind the best that was seen, for blocks take a second to spread. */
export const MAX_BLOCKS_BEHIND = 5;

/** Two small questions. */
const HEAD_MS = 40_000;
/** It is good to know, and no more. */
const HEALTH_MS = 3_000;

/** Keeps what a session reports before it is in use. */
export class EarlyEvents implements SessionEvents {
  #waiting: ((sink: SessionEvents) => void)[] = [];
  #sink: SessionEvents | null = null;
  readonly onRequest: () => void;

  constructor(onRequest: () => void) {
    this.onRequest = onRequest;
  }

  onHead(block: number): void {
    this.#deliver((sink) => sink.onHead(block));
  }

  onFinalized(block: number): void {
    this.#deliver((sink) => sink.onFinalized(block));
  }

  onUpgrade(specVersion: number): void {
    this.#deliver((sink) => sink.onUpgrade(specVersion));
  }

  onLost(reason: string): void {
    this.#deliver((sink) => sink.onLost(reason));
  }

  forwardTo(sink: SessionEvents): void {
    this.#sink = sink;
    for (const event of this.#waiting.splice(0)) event(sink);
  }

  #deliver(event: (sink: SessionEvents) => void): void {
    if (this.#sink) event(this.#sink);
    else this.#waiting.push(event);
  }
}

export interface OpenRules {
  expectedGenesis?: string | undefined;
  /** The highest block seen so far; 0 = none. */
  head: number;
  /** Where no endpoint has a fresh head, an old one is better than none: then it may be this machine's clock that is wrong. */
  takesOldHead: boolean;
}

export interface OpenedSession {
  session: Session;
  /** Height of its head. */
  head: number;
  /** Why its head counts as old; undefined for a fresh one. */
  age: string | undefined;
}

/** Data of `chain.lagging`. */
export interface LaggingData {
  endpoint: string;
  /** The node does not say so itself: its head is old. */
  isOldHead: boolean;
}

/**
 * Opens a session; one that comes when nobody wants it any more is closed.
 * @throws Failure `chain.unreachable`, `chain.wrong-genesis`, `chain.lagging`, `chain.closed`
 */
export async function openUnlessAborted(
  endpoint: string,
  rules: OpenRules,
  events: SessionEvents,
  signal: AbortSignal | undefined,
): Promise<OpenedSession> {
  const opening = openExpected(endpoint, rules, events);
  if (signal === undefined) return opening;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(closed());
    opening.then(
      ({ session }) => session.close(),
      (error: unknown) =>
        log.debug("An endpoint nobody waits for failed", { endpoint: printableUrl(endpoint), error }),
    );
  };
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([opening, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function openExpected(
  endpoint: string,
  { expectedGenesis, head: seen, takesOldHead }: OpenRules,
  events: SessionEvents,
): Promise<OpenedSession> {
  const session = await openSession(endpoint, events);
  const shown = printableUrl(endpoint);
  if (expectedGenesis !== undefined && session.genesisHash !== expectedGenesis) {
    session.close();
    throw chainFailure("chain.wrong-genesis", {
      message: `${shown} is a node of another chain`,
      hint: "Check --subtensor.network and --subtensor.chain_endpoint against each other.",
      data: { endpoint: shown, genesis: session.genesisHash, expectedGenesis },
    });
  }
  try {
    const says = await isSyncing(session);
    const { head, ageMs } = await withDeadline("reading the newest block", HEAD_MS, readHead(session));
    const age =
      ageMs > MAX_HEAD_AGE_MS
        ? `its newest block ${head} is ${Math.round(ageMs / 1000)} s old`
        : head < seen - MAX_BLOCKS_BEHIND
          ? `its newest block is ${head}, another node had ${seen}`
          : undefined;
    if (!says && (age === undefined || takesOldHead)) return { session, head, age };
    const data: LaggingData = { endpoint: shown, isOldHead: !says };
    throw chainFailure("chain.lagging", {
      message: `${shown} is a node that has not caught up with its chain: ${says ? "it says so itself" : age}`,
      hint: "Wait until it is synchronised, or name another one with --subtensor.chain_endpoint.",
      data,
      retry: "soon",
    });
  } catch (cause) {
    session.close();
    if (isFailure(cause, "chain.lagging")) throw cause;
    throw chainFailure("chain.unreachable", {
      message: `${shown} opens, but does not tell its head: ${firstLineOf(cause)}`,
      data: { endpoint: shown },
      retry: "soon",
      cause,
    });
  }
}

/** Height of the head, and its age by this machine's clock. */
async function readHead({ api }: Session): Promise<{ head: number; ageMs: number }> {
  const header = await api.rpc.chain.getHeader();
  const head = header.number.toNumber();
  // Block 0 has no time.
  if (head === 0) return { head, ageMs: 0 };
  const { timeMs } = await readStorage(api, header.hash.toHex(), {
    timeMs: { name: "timestamp.now", keys: [], decode: numberOf },
  });
  return { head, ageMs: Date.now() - timeMs };
}

/** Whether a node says of itself that it is behind: its head is old, and with it everything that is read there. */
async function isSyncing({ api, endpoint }: Session): Promise<boolean> {
  try {
    const health = await withDeadline("asking a node for its health", HEALTH_MS, api.rpc.system.health());
    return health.isSyncing.isTrue;
  } catch (error) {
    // Some providers do not let the question pass.
    log.debug("A node does not tell its health", { endpoint: printableUrl(endpoint), error });
    return false;
  }
}

export function closed(): Error {
  return chainFailure("chain.closed", { message: "the connection to the chain was closed" });
}
