import { join } from "node:path";
import { withDeadline } from "../../base/deadline.ts";
import { messageOf } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { log } from "../../base/log.ts";
import type { EventFeed } from "../../events/feed.ts";
import { type ApiTimeouts, WandbApi } from "../../wandb/api.ts";
import { findKey, pageUrl, wandbUrl } from "../../wandb/key.ts";
import { DELIVERY_LOCK, journalDirectory, spoolDirectory } from "../../wandb/places.ts";
import type { RunSpool } from "../../wandb/spool.ts";
import { Deliveries, openSpools, pruneSpools, recoverSpools } from "./deliveries.ts";
import { readEnvironment } from "./environment.ts";
import { keepLayer } from "./layer.ts";
import type { Pace } from "./pace.ts";
import { WandbRecorder } from "./recorder.ts";
import { SystemMetrics } from "./system-metrics.ts";

export interface WandbOptions {
  settings: {
    wandbProjectName: string;
    wandbEntity: string;
    wandbNotes: string;
    wandbOffline: boolean;
    wandbRunStepLength: number;
    wandbWeightsStepLength: number;
  };
  /** Of the validator's state. */
  directory: string;
  keepsJournal: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  /** Signature of the hotkey over the id of a run. */
  sign?: ((id: string) => Uint8Array) | undefined;
  /** Disk that rows may take which no server has. */
  budgetBytes: number;
  /** For tests. */
  pace?: Pace;
  timeoutsMs?: ApiTimeouts;
}

/** What a status says of W&B, in its list of what the parts of telemetry say. */
export type WandbStatus = {
  wandbMode: "online" | "offline";
  /** Where people look at the run; null before it is known. */
  wandbPage: string | null;
  /** As of its delivery; null when offline. */
  wandbState: string | null;
  /** Rows of the run that no server has confirmed. */
  wandbBacklog: number;
  wandbBacklogBytes: number;
};

/** A run begins anew at the latest after a day, and before its history is slow to read. */
const ROLL_OVER = { hours: 24, rows: 10_000 };
/** As the Python client samples. */
const METRICS_EVERY_MS = 15_000;
const CAPACITY = { capacity: 10_000, capacityBytes: 64 << 20 };
/** At the end of the process, which waits no longer than one stage of a stop: 4 s. */
const LAST_EVENTS_MS = 400;
/** The SDK's own end included. */
const SEAL_MS = 2_500;
const LAST_ROWS_MS = 1_000;

/** Every event of the feed on W&B, or on disk until `openvalidator wandb sync`. */
export class WandbReporter {
  readonly #recorder: WandbRecorder;
  readonly #deliveries: Deliveries | undefined;
  readonly #subscription: ReturnType<EventFeed["subscribe"]>;
  readonly #metrics: SystemMetrics;
  readonly #url: string;
  readonly #recovery: Promise<void>;
  readonly #unlock: () => void;
  #spools: RunSpool[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #toldPage: string | undefined;

  constructor(feed: EventFeed, options: WandbOptions) {
    const { settings, environment, directory, keepsJournal, sign, budgetBytes, pace, timeoutsMs } = options;
    this.#url = wandbUrl(environment);
    const key = settings.wandbOffline ? undefined : findKey(environment, this.#url)?.key;
    if (key === undefined && !settings.wandbOffline)
      log.warn("There is no W&B key; rows are kept on disk", {
        hint: "openvalidator wandb login, then openvalidator wandb sync; or --wandb.off",
      });
    this.#deliveries =
      key === undefined ? undefined : new Deliveries(new WandbApi({ url: this.#url, key, timeoutsMs }), pace);
    // Against a `wandb sync` that would send the same rows.
    this.#unlock =
      key === undefined ? () => undefined : lockFile(join(spoolDirectory(directory), DELIVERY_LOCK));
    const journal = keepsJournal ? journalDirectory(directory) : undefined;
    this.#spools = openSpools(spoolDirectory(directory));
    this.#prune(budgetBytes);
    const earlier = [...this.#spools];
    this.#recorder = new WandbRecorder({
      directory: spoolDirectory(directory),
      journal,
      settings,
      weightsStepLength: settings.wandbWeightsStepLength,
      rollOver: { ...ROLL_OVER, steps: settings.wandbRunStepLength },
      sign,
      environment: readEnvironment(directory),
      onLayer: (spool, event) => keepLayer(spool, directory, event),
      onRun: (spool) => {
        this.#prune(budgetBytes);
        this.#spools.push(spool);
        void this.#deliveries?.start(spool);
      },
      onRows: (spool) => this.#onRows(spool),
    });
    this.#metrics = new SystemMetrics(directory);
    this.#subscription = feed.subscribe("wandb", CAPACITY, (events) => this.#recorder.read(events));
    this.#recovery = recoverSpools(earlier, journal, settings.wandbWeightsStepLength).then(() =>
      this.#deliveries?.deliverBacklog(earlier),
    );
    this.#timer = setInterval(() => void this.#sample(), METRICS_EVERY_MS);
    this.#timer.unref();
  }

  get status(): WandbStatus {
    const { spool } = this.#recorder;
    const at = spool?.meta.delivered.at ?? null;
    return {
      wandbMode: this.#deliveries === undefined ? "offline" : "online",
      wandbPage: at && spool ? pageUrl(this.#url, at, spool.meta.id) : null,
      wandbState: (spool && this.#deliveries?.stateOf(spool)) ?? null,
      wandbBacklog: spool?.unsentRows ?? 0,
      wandbBacklogBytes: spool?.unsentBytes ?? 0,
    };
  }

  /** Seals the run and gives its last rows a bounded time. Never throws. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    try {
      await withDeadline("the last events", LAST_EVENTS_MS, this.#subscription.drained());
    } catch (error) {
      log.debug("The last events go to W&B from the journal", { reason: messageOf(error) });
    }
    this.#subscription.close();
    try {
      await withDeadline("the end of a W&B run", SEAL_MS, this.#recorder.close());
    } catch (error) {
      log.debug("The W&B run is closed at the next start", { reason: messageOf(error) });
    }
    await this.#deliveries?.stop(LAST_ROWS_MS);
    await this.#recovery;
    this.#unlock();
  }

  #prune(budgetBytes: number): void {
    const forgotten = new Set(pruneSpools(this.#spools, budgetBytes));
    for (const spool of forgotten) this.#deliveries?.drop(spool);
    this.#spools = this.#spools.filter((spool) => !forgotten.has(spool));
  }

  #onRows(spool: RunSpool): void {
    // New rows go with the next round; only the end of a run is worth a round of its own.
    if (spool.meta.sealed !== null) this.#deliveries?.wake(spool);
    const { wandbPage: page } = this.status;
    if (page === null || page === this.#toldPage) return;
    this.#toldPage = page;
    log.info("This run is on W&B", { page: new URL(page) });
  }

  async #sample(): Promise<void> {
    const { spool } = this.#recorder;
    if (spool === undefined) return;
    const row = await this.#metrics.sample();
    try {
      const now = Date.now();
      spool.appendMetrics({
        ...row,
        _wandb: true,
        _timestamp: now / 1000,
        _runtime: (now - Date.parse(spool.meta.startedAt)) / 1000,
      });
    } catch (error) {
      log.debug("System metrics could not be kept", { reason: messageOf(error) });
    }
  }
}
