import { z } from "zod";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import type { EndpointBook } from "./endpoint-book.ts";
import { openingFaultOf } from "./faults.ts";
import { type EarlyEvents, MAX_BLOCKS_BEHIND, type OpenedSession, openUnlessAborted } from "./opening.ts";
import { NodeSocket } from "./socket.ts";

/** For the handshake, and for the answer: one that is slower is no better than the endpoint in use. */
const PROBE_TIMEOUT_MS = 5_000;

const HEADER = z.object({ number: z.string().regex(/^0x[0-9a-f]{1,8}$/i) });

/**
 * Looks at an endpoint that is not in use, and opens it when the book says that it was well often enough.
 * @returns undefined where it is not to be used, of which the book has the reason
 */
export async function openIfWell(
  endpoint: string,
  book: EndpointBook,
  { genesis, head }: { genesis: string; head: number },
  early: EarlyEvents,
  signal: AbortSignal,
): Promise<OpenedSession | undefined> {
  if (!book.probed(endpoint, await isWell(endpoint, head, early.onRequest)) || signal.aborted)
    return undefined;
  const rules = { expectedGenesis: genesis, head, takesOldHead: false };
  try {
    return await openUnlessAborted(endpoint, rules, early, signal);
  } catch (error) {
    if (!signal.aborted) book.failed(endpoint, openingFaultOf(error));
    log.debug("A preferred endpoint is not returned to", { endpoint: printableUrl(endpoint), error });
    return undefined;
  }
}

/**
 * Whether a node that is not in use shows the newest block: one socket, one request.
 * @param head the highest block seen so far
 */
async function isWell(endpoint: string, head: number, onRequest: () => void): Promise<boolean> {
  const socket = new NodeSocket(endpoint, PROBE_TIMEOUT_MS, onRequest);
  try {
    await socket.connect();
    const { number } = HEADER.parse(await socket.send("chain_getHeader", []));
    return Number(number) >= head - MAX_BLOCKS_BEHIND;
  } catch (error) {
    log.debug("A preferred endpoint is not well yet", { endpoint: printableUrl(endpoint), error });
    return false;
  } finally {
    await socket.disconnect();
  }
}
