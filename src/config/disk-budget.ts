import type { Settings } from "./options.ts";

/** What a validator writes and can hold to a size. */
export type DiskPart = "events" | "wandb" | "logs";

/** How the parts that are in use share what --disk.max leaves beside the state. */
const WEIGHTS: Readonly<Record<DiskPart, number>> = { events: 7, wandb: 3, logs: 1 };
/** Rows that W&B has not taken yet: weeks of an outage. */
const MAX_WANDB_BYTES = 2_000_000_000;
/** The state cannot be cut, so a part of the budget is nobody else's. */
const STATE_SHARE = 0.1;

export type DiskSettings = Pick<
  Settings,
  | "diskMax"
  | "neuronEventsRetentionSize"
  | "neuronDontSaveEvents"
  | "wandbOff"
  | "logFile"
  | "logFileSize"
  | "logFileCount"
>;

/**
 * Bytes that a part may take: its own limit, or its share of --disk.max where that is smaller. Models are no part of it:
 * they lie in a folder of their own and are pulled by hand.
 */
export function diskBudget(part: DiskPart, settings: DiskSettings): number {
  const own = {
    events: settings.neuronEventsRetentionSize,
    wandb: MAX_WANDB_BYTES,
    logs: settings.logFileSize * settings.logFileCount,
  }[part];
  if (settings.diskMax === undefined) return own;
  const used: DiskPart[] = [];
  if (!settings.neuronDontSaveEvents || part === "events") used.push("events");
  if (!settings.wandbOff || part === "wandb") used.push("wandb");
  if (settings.logFile !== undefined || part === "logs") used.push("logs");
  const weights = used.reduce((sum, name) => sum + WEIGHTS[name], 0);
  return Math.min(own, Math.floor((settings.diskMax * (1 - STATE_SHARE) * WEIGHTS[part]) / weights));
}
