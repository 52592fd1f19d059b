import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import { openSession, type Session, type SessionEvents } from "./endpoint-session.ts";
import { chainFailure } from "./errors.ts";

/** Keeps what a session reports before it is in use. */
export class EarlyEvents implements SessionEvents {
  #waiting: ((sink: SessionEvents) => void)[] = [];
  #sink: SessionEvents | null = null;

  onHead(block: number): void {
    this.#deliver((sink) => sink.onHead(block));
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

/** Opens a session; one that comes when nobody wants it any more is closed. @throws Failure `chain.closed` */
export async function openUnlessAborted(
  endpoint: string,
  expectedGenesis: string | undefined,
  events: SessionEvents,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const opening = openExpected(endpoint, expectedGenesis, events);
  if (signal === undefined) return opening;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(closed());
    opening.then(
      (session) => session.close(),
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
  expectedGenesis: string | undefined,
  events: SessionEvents,
): Promise<Session> {
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
  if (!(await isSyncing(session))) return session;
  session.close();
  throw chainFailure("chain.lagging", {
    message: `${shown} is a node that has not caught up with its chain`,
    hint: "Wait until it is synchronised, or name another one with --subtensor.chain_endpoint.",
    data: { endpoint: shown },
    retry: "soon",
  });
}

/** Whether a node says of itself that it is behind: its head is old, and with it everything that is read there. */
async function isSyncing({ api, endpoint }: Session): Promise<boolean> {
  try {
    return (await api.rpc.system.health()).isSyncing.isTrue;
  } catch (error) {
    // Some providers do not let the question pass.
    log.debug("A node does not tell its health", { endpoint: printableUrl(endpoint), error });
    return false;
  }
}

export function closed(): Error {
  return chainFailure("chain.closed", { message: "the connection to the chain was closed" });
}
