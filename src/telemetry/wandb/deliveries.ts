import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { withDeadline } from "../../base/deadline.ts";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { WandbApi } from "../../wandb/api.ts";
import { ArtifactUploads } from "../../wandb/artifact-upload.ts";
import { RunSpool } from "../../wandb/spool.ts";
import { Delivery, type DeliveryState } from "./delivery.ts";
import type { Pace } from "./pace.ts";
import { refill } from "./refill.ts";

/** Notes of delivered runs that are kept, for `wandb sync` to tell of. */
const KEPT_NOTES = 100;
/** Of a process that left no `stop` event. */
const KILLED = 1;

/** The spools of a folder, oldest first; what is none is left alone. */
export function openSpools(directory: string): RunSpool[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => /^run-\d{14}-[a-z0-9]+$/.test(name));
  const spools = names.flatMap((name) => {
    try {
      return [RunSpool.open(join(directory, name))];
    } catch (error) {
      log.warn("A folder of W&B rows cannot be read and is passed over", { name, reason: messageOf(error) });
      return [];
    }
  });
  return spools.sort(
    ({ meta: a }, { meta: b }) => Date.parse(a.startedAt) - Date.parse(b.startedAt) || a.first - b.first,
  );
}

/**
 * Makes whole and seals the runs that earlier processes left open, from the journal. Nobody else may write to them.
 * @param journal undefined = there is none; they are sealed as they are
 */
export async function recoverSpools(
  spools: readonly RunSpool[],
  journal: string | undefined,
  weightsStepLength: number,
): Promise<void> {
  for (const [index, spool] of spools.entries()) {
    if (spool.meta.sealed !== null) continue;
    try {
      // The process may have gone on in a later run.
      const later = spools.slice(index + 1).find(({ meta }) => meta.process === spool.meta.process);
      const { exitCode } =
        journal === undefined
          ? { exitCode: undefined }
          : await refill(spool, journal, weightsStepLength, later?.meta.first);
      spool.seal(later === undefined ? (exitCode ?? KILLED) : 0);
    } catch (error) {
      log.warn("A W&B run of before is not whole yet", { run: spool.meta.id, reason: messageOf(error) });
    }
  }
}

/**
 * Forgets runs that are delivered, but for the notes of the last ones, and the oldest of the others where they take more
 * than their share of the disk. One that is still open is never forgotten.
 * @param spools oldest first
 * @returns those that are forgotten
 */
export function pruneSpools(spools: readonly RunSpool[], budgetBytes: number): RunSpool[] {
  const done = spools.filter(({ isDelivered }) => isDelivered);
  const forgotten = done.slice(0, Math.max(0, done.length - KEPT_NOTES));
  let unsentBytes = spools.reduce((sum, spool) => sum + spool.unsentBytes, 0);
  for (const spool of spools) {
    if (unsentBytes <= budgetBytes) break;
    if (spool.meta.sealed === null || spool.isDelivered) continue;
    unsentBytes -= spool.unsentBytes;
    forgotten.push(spool);
    log.warn("Rows that wait for W&B take too much of the disk; the oldest run is dropped", {
      run: spool.meta.id,
      rows: spool.unsentRows,
      hint: "the journal still has its events; see --disk.max",
    });
  }
  for (const { directory } of forgotten) rmSync(directory, { recursive: true, force: true });
  return forgotten;
}

/** All deliveries of a process: the runs of before one after another, the live ones beside them. */
export class Deliveries {
  readonly #api: WandbApi;
  readonly #pace: Pace | undefined;
  readonly #artifacts: ArtifactUploads;
  readonly #all = new Map<RunSpool, { delivery: Delivery; done: Promise<DeliveryState> }>();
  #backlog: RunSpool[] = [];
  #isStopped = false;
  #working: Promise<void> = Promise.resolve();

  constructor(api: WandbApi, pace?: Pace) {
    this.#api = api;
    this.#artifacts = new ArtifactUploads(api);
    this.#pace = pace;
  }

  /** Runs that are sealed, one after another. */
  deliverBacklog(spools: readonly RunSpool[]): Promise<void> {
    const isDue = ({ meta, isDelivered }: RunSpool): boolean =>
      meta.sealed !== null && !isDelivered && !meta.delivered.stopped;
    this.#backlog.push(...spools.filter(isDue));
    this.#working = this.#working.then(async () => {
      for (let next = this.#backlog.shift(); next && !this.#isStopped; next = this.#backlog.shift())
        await this.start(next);
    });
    return this.#working;
  }

  /** A run beside all others. */
  start(spool: RunSpool): Promise<DeliveryState> {
    const delivery = new Delivery(spool, this.#api, { pace: this.#pace, artifacts: this.#artifacts });
    const done = delivery.run();
    this.#all.set(spool, { delivery, done });
    return done;
  }

  stateOf(spool: RunSpool): DeliveryState | undefined {
    return this.#all.get(spool)?.delivery.state;
  }

  /** For a run that is forgotten. */
  drop(spool: RunSpool): void {
    this.#backlog = this.#backlog.filter((one) => one !== spool);
    this.#all.get(spool)?.delivery.stop();
    this.#all.delete(spool);
  }

  wake(spool: RunSpool): void {
    this.#all.get(spool)?.delivery.wake();
  }

  /** Gives what is under way a bounded time. What is not delivered then stays on disk. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    const running = [...this.#all.values()];
    const healthy = running.filter(({ delivery }) => delivery.state !== "failing");
    try {
      await withDeadline("the delivery to W&B", graceMs, Promise.all(healthy.map(({ done }) => done)));
    } catch (error) {
      log.debug("Rows for W&B stay on disk until the next start", { reason: messageOf(error) });
    }
    for (const { delivery } of running) delivery.stop();
    await Promise.all(running.map(({ done }) => done));
  }
}
