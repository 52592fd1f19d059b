import type { Pace } from "./endpoint-book.ts";
import type { ConnectionChange } from "./endpoint-watch.ts";

/** At the start a wrong endpoint should be reported within a minute, not retried for ever. */
export const FIRST_ROUNDS = 3;
/** One that is there but overloaded or restarting gets so long. */
export const FIRST_PATIENCE_MS = 60_000;

/** At the start the preferred endpoint has so long for itself before the next one is tried beside it: metadata over a thin line takes some. */
export const FIRST_AHEAD_MS = 10_000;
/** The same after a loss, when whichever is there first is the best one. */
export const AHEAD_MS = 3_000;

export interface ConnectOptions {
  /** The first is preferred, then the next: tried in turn, and returned to. */
  endpoints: string[];
  /** An endpoint of another chain is passed over. Without it the first chain found is the right one. */
  expectedGenesis?: string | undefined;
  /** Ends the opening only: an open connection is closed by its owner, when nothing is under way any more. */
  signal?: AbortSignal | undefined;
  /** Time without a new block after which the connection is made anew; three slots if absent. */
  stallMs?: number;
  /** Time, for tests. */
  pace?: Pace | undefined;
  /** How long endpoints that are overloaded are waited for at the start, milliseconds; a minute if absent. */
  patienceMs?: number;
  /** Told of every change of the connection, each once. */
  onState?: ((change: ConnectionChange) => void) | undefined;
}
