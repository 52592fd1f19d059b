import type { Settings } from "../config/options.ts";
import type { EventFeed } from "../events/feed.ts";
import { Notify, supervisorOf } from "./notify.ts";

export interface TelemetryOptions {
  /** State folder of this validator. */
  directory: string;
  /** Aborted by the first SIGINT or SIGTERM. */
  signal: AbortSignal;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Everything that watches a validator from outside its steps. */
export interface Telemetry {
  close(): Promise<void>;
}

/**
 * Opens what reads the feed to tell others: each part on its own, so that one that cannot start is told in the log and
 * takes nothing else with it. Never throws.
 */
export function openTelemetry(
  settings: Settings,
  feed: EventFeed,
  { signal, environment }: TelemetryOptions,
): Telemetry {
  const supervisor = supervisorOf(environment);
  const notify = supervisor && Notify.open({ supervisor, feed, signal, settings });
  return {
    async close() {
      notify?.close();
    },
  };
}
