import { join } from "node:path";

/** Held by the process that sends the rows of a folder. */
export const DELIVERY_LOCK = "delivery.lock";

/** Folder of the W&B spools of a validator. */
export function spoolDirectory(stateDirectory: string): string {
  return join(stateDirectory, "wandb");
}

/** Folder of the journal of a validator. */
export function journalDirectory(stateDirectory: string): string {
  return join(stateDirectory, "events");
}
