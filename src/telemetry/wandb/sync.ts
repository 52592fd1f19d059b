import { join } from "node:path";
import { lockFile } from "../../base/lock.ts";
import { WandbApi } from "../../wandb/api.ts";
import { ArtifactUploads } from "../../wandb/artifact-upload.ts";
import { failureOf, wandbFailure } from "../../wandb/failure.ts";
import { findKey, pageUrl, wandbUrl } from "../../wandb/key.ts";
import { DELIVERY_LOCK, journalDirectory, spoolDirectory } from "../../wandb/places.ts";
import { openSpools, recoverSpools } from "./deliveries.ts";
import { Delivery, type DeliveryState } from "./delivery.ts";
import { PACE, type Pace } from "./pace.ts";

export interface SyncOptions {
  /** Of the validator's state. */
  directory: string;
  environment: Readonly<Record<string, string | undefined>>;
  weightsStepLength: number;
  /** No validator works with this folder, so that a run without an end can be made whole and closed. */
  isAlone: boolean;
  signal: AbortSignal;
  onRun?(run: SyncedRun): void;
  /** For tests. */
  pace?: Pace;
}

export interface SyncedRun {
  id: string;
  rows: number;
  state: DeliveryState;
  page: string | null;
}

/** Delays between two requests of a sync: what servers allow, and no wait for new rows. */
const SYNC_PACE: Pace = { ...PACE, everyMs: PACE.leastGapMs };

/**
 * Sends the runs that wait on disk, oldest first, each until the server has it, refuses it, or the signal comes.
 * @returns the runs that were sent; those that no server has yet are among them
 * @throws Failure `wandb.*`
 */
export async function syncSpools(options: SyncOptions): Promise<SyncedRun[]> {
  const { directory, environment, signal, weightsStepLength, isAlone, onRun, pace = SYNC_PACE } = options;
  const url = wandbUrl(environment);
  const key = findKey(environment, url)?.key;
  if (key === undefined)
    throw wandbFailure("wandb.no-key", {
      message: "there is no W&B key",
      hint: "openvalidator wandb login sets one",
    });
  const folder = spoolDirectory(directory);
  const unlock = takeDelivery(folder);
  try {
    const spools = openSpools(folder);
    if (isAlone) await recoverSpools(spools, journalDirectory(directory), weightsStepLength);
    const api = new WandbApi({ url, key });
    const artifacts = new ArtifactUploads(api);
    const synced: SyncedRun[] = [];
    for (const spool of spools) {
      if (spool.meta.sealed === null || spool.isDelivered) continue;
      if (signal.aborted) break;
      // Before the first one, whose own failure would be told in the log alone.
      if (synced.length === 0)
        await api.viewer(signal).catch((error: unknown) => Promise.reject(failureOf(error)));
      const rows = spool.lines("history");
      const delivery = new Delivery(spool, api, { pace, artifacts, isByHand: true });
      const stop = (): void => delivery.stop();
      signal.addEventListener("abort", stop, { once: true });
      const state = await delivery.run();
      signal.removeEventListener("abort", stop);
      const { at } = spool.meta.delivered;
      const run = { id: spool.meta.id, rows, state, page: at && pageUrl(url, at, spool.meta.id) };
      synced.push(run);
      onRun?.(run);
    }
    return synced;
  } finally {
    unlock();
  }
}

function takeDelivery(folder: string): () => void {
  try {
    return lockFile(join(folder, DELIVERY_LOCK));
  } catch (cause) {
    throw wandbFailure("wandb.busy", {
      message: "another openvalidator sends these rows already",
      hint: "it goes on by itself; stop it first to send them by hand",
      cause,
    });
  }
}

/**
 * Asks the server whose key this is.
 * @returns the entity of the key
 * @throws Failure `wandb.*`
 */
export async function checkKey(url: string, key: string, signal: AbortSignal): Promise<string> {
  try {
    return await new WandbApi({ url, key }).viewer(signal);
  } catch (error) {
    throw failureOf(error);
  }
}
