/** Whose fault it is that something failed between us and a node. */
import { isFailure, messageOf } from "../base/error.ts";
import type { OpeningFault } from "./endpoint-book.ts";
import type { UnreachableData } from "./endpoint-session.ts";
import { HandshakeFailure } from "./handshake.ts";
import type { LaggingData } from "./opening.ts";

/**
 * Nodes keep the state of some blocks only, which is no fault of theirs (sc-client-api, UnknownBlock); after a warp sync they
 * lack headers as well, which the library words (Init.getBlockRegistry).
 */
const PRUNED = /state already discarded|unknown ?block|header was not found|unable to retrieve header/i;

/** Whether the node failed at a call. What the chain itself refuses, or a node of its kind cannot have, counts for the node. */
export function isNodesFault(error: unknown): boolean {
  if (isFailure(error, "chain.unreachable")) return !PRUNED.test(messageOf(error.cause));
  if (isFailure(error))
    return isFailure(error, "deadline.passed") || isFailure(error, "chain.unexpected-answer");
  return !PRUNED.test(messageOf(error));
}

/** What an opening that failed says of when to try again: the pause that a server asked for, and whether no socket came about at all. */
export function openingFaultOf(error: unknown): OpeningFault {
  if (!isFailure(error, "chain.unreachable")) return {};
  const { cause } = error;
  return {
    leastMs: (error.data as UnreachableData | undefined)?.retryAfterMs,
    isTurnedAway: cause instanceof HandshakeFailure && cause.status === undefined,
  };
}

/** Whether an endpoint was passed over for the age of its head alone. */
export function isOldHead(error: unknown): boolean {
  return isFailure(error, "chain.lagging") && (error.data as LaggingData | undefined)?.isOldHead === true;
}

/** Whether a server is there but cannot serve now; a wrong address, name or certificate will be wrong in a minute too. */
export function isBusy(error: unknown): boolean {
  if (!isFailure(error, "chain.unreachable")) return false;
  const { cause } = error;
  return !(cause instanceof HandshakeFailure) || (cause.status ?? 0) === 429 || (cause.status ?? 0) >= 500;
}
