import { sleep } from "../../base/deadline.ts";
import { isFailure } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { VERSION } from "../../config/version.ts";
import { type WandbApi, WandbRefusal } from "../../wandb/api.ts";
import type { RunSpool, Stream } from "../../wandb/spool.ts";

/** W&B's names of the two streams. */
const FILES: Record<Stream, string> = {
  history: "wandb-history.jsonl",
  events: "wandb-events.jsonl",
};

export interface Pace {
  /** Between two requests of a run: servers allow two file_stream requests a second. */
  leastGapMs: number;
  /** How often a live run looks for new rows. */
  everyMs: number;
  /** A run without news says so, or the server takes it for crashed after five minutes. */
  heartbeatMs: number;
  firstBackOffMs: number;
  maxBackOffMs: number;
  /** Replaced by tests, in which time runs faster. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const PACE: Pace = {
  leastGapMs: 500,
  everyMs: 15_000,
  heartbeatMs: 30_000,
  firstBackOffMs: 2_000,
  maxBackOffMs: 60_000,
  now: Date.now,
  sleep,
};

/** The server takes 10 MiB; less, so that making a body never holds the event loop for long. */
const MAX_BODY_BYTES = 4 << 20;

export type DeliveryState = "waiting" | "delivering" | "failing" | "refused" | "done";

/** Brings one run to the server: every line once and in order, whatever fails between. */
export class Delivery {
  readonly spool: RunSpool;
  readonly #api: WandbApi;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #state: DeliveryState = "waiting";
  #isKnown = false;
  #maxBodyBytes = MAX_BODY_BYTES;
  #lastPostMs = 0;
  #sentSummary: string | undefined;
  #wake: (() => void) | undefined;

  constructor(spool: RunSpool, api: WandbApi, pace: Pace = PACE) {
    this.spool = spool;
    this.#api = api;
    this.#pace = pace;
  }

  get state(): DeliveryState {
    return this.#state;
  }

  /** Ends the wait of a live run for new rows, because it has some or is sealed. */
  wake(): void {
    this.#wake?.();
  }

  /** Ends the delivery where it stands; what is not confirmed stays on disk. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** Until all of a sealed run is delivered, the server refuses it for good, or it is stopped. Never throws. */
  async run(): Promise<DeliveryState> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const isMore = await this.#round(signal);
        if (failures > 0) log.info("W&B takes rows again", { run: this.spool.meta.id });
        failures = 0;
        if (this.#state === "done") return this.#state;
        this.#state = "delivering";
        await this.#pause(isMore ? this.#pace.leastGapMs : this.#pace.everyMs, !isMore);
      } catch (error) {
        if (signal.aborted) break;
        const refusal = asRefusal(error);
        if (refusal.status === 413 && this.#maxBodyBytes > 1) {
          this.#maxBodyBytes = Math.floor(this.#maxBodyBytes / 2);
          continue;
        }
        if (refusal.isFinal) {
          this.#state = "refused";
          log.warn("W&B refuses a run; its rows stay on disk", {
            run: this.spool.meta.id,
            reason: refusal.message,
            hint: hintFor(refusal),
          });
          return this.#state;
        }
        if (failures === 0)
          log.warn(
            isOfDisk(error) ? "The disk of the W&B rows fails" : "W&B cannot be reached; rows wait on disk",
            {
              run: this.spool.meta.id,
              reason: refusal.message,
            },
          );
        this.#state = "failing";
        await this.#pace.sleep(this.#backOffMs(refusal, failures++), signal);
      }
    }
    return this.#state;
  }

  #backOffMs({ retryAfterMs }: WandbRefusal, failures: number): number {
    const { firstBackOffMs, maxBackOffMs } = this.#pace;
    // Doubling with up to a quarter on top, and exactly as long as the server says: as the official client does it.
    const own = Math.min(maxBackOffMs, firstBackOffMs * 2 ** failures) * (1 + Math.random() / 4);
    return Math.max(retryAfterMs ?? own, this.#pace.leastGapMs);
  }

  async #pause(ms: number, mayWake: boolean): Promise<void> {
    const waking = new AbortController();
    if (mayWake) this.#wake = () => waking.abort();
    const start = this.#pace.now();
    await this.#pace.sleep(ms, AbortSignal.any([waking.signal, this.#stop.signal]));
    this.#wake = undefined;
    const rest = this.#pace.leastGapMs - (this.#pace.now() - start);
    if (rest > 0) await this.#pace.sleep(rest, this.#stop.signal);
  }

  /** One request at most. @returns whether there is more to send at once */
  async #round(signal: AbortSignal): Promise<boolean> {
    const { spool } = this;
    if (!this.#isKnown) {
      await this.#introduce(signal);
      return true;
    }
    // Read before the lines: a run that is sealed while they are sent is not complete with them.
    const { sealed, delivered } = spool.meta;
    const files: string[] = [];
    const sent = { history: { lines: 0, sizeBytes: 0 }, events: { lines: 0, sizeBytes: 0 } };
    for (const stream of ["history", "events"] as const) {
      const room = this.#maxBodyBytes - sent.history.sizeBytes;
      if (room <= 0) continue;
      const { quoted, sizeBytes } = spool.unsentLines(stream, room);
      if (quoted.length === 0) continue;
      sent[stream] = { lines: quoted.length, sizeBytes };
      const offset = delivered[stream];
      files.push(`"${FILES[stream]}":{"offset":${offset},"content":[${quoted.join(",")}]}`);
    }
    const { summary } = spool;
    if (summary !== undefined && summary !== this.#sentSummary)
      files.push(`"wandb-summary.json":{"offset":0,"content":[${JSON.stringify(summary)}]}`);
    const isLast =
      sealed !== null &&
      delivered.history + sent.history.lines === spool.lines("history") &&
      delivered.events + sent.events.lines === spool.lines("events");
    if (files.length === 0 && !isLast && this.#pace.now() - this.#lastPostMs < this.#pace.heartbeatMs)
      return false;
    const parts = [
      ...(files.length > 0 ? [`"files":{${files.join(",")}}`] : []),
      ...(isLast ? [`"complete":true,"exitcode":${sealed.exitCode}`] : []),
    ];
    this.#lastPostMs = this.#pace.now();
    await this.#api.fileStream(delivered.at!, spool.meta.id, `{${parts.join(",")}}`, signal);
    for (const stream of ["history", "events"] as const)
      if (sent[stream].lines > 0) spool.confirm(stream, sent[stream].lines, sent[stream].sizeBytes);
    this.#sentSummary = summary;
    if (isLast) {
      spool.complete();
      this.#state = "done";
      log.info("A run is whole on W&B", { run: spool.meta.id, rows: delivered.history });
      return false;
    }
    const isWhole = spool.unsentRows === 0 && spool.lines("events") === spool.meta.delivered.events;
    return !isWhole || spool.meta.sealed !== null;
  }

  /** Makes the run known to the server, and takes over how many of its rows are there. */
  async #introduce(signal: AbortSignal): Promise<void> {
    const { id, description, delivered } = this.spool.meta;
    const { entity, project, displayName, notes, tags, config } = description;
    const wrapped = Object.fromEntries(
      Object.entries(config).map(([name, value]) => [name, { value: value ?? null }]),
    );
    // Without `t`, W&B takes a run for one that never started.
    const own = { value: { cli_version: `openvalidator ${VERSION}`, t: { 1: [], 12: VERSION }, m: [] } };
    const variables = {
      name: id,
      project: delivered.at?.project ?? project,
      entity: delivered.at?.entity ?? entity,
      displayName,
      notes,
      tags,
      config: JSON.stringify({ ...wrapped, _wandb: own }),
    };
    let known: Awaited<ReturnType<WandbApi["upsert"]>>;
    try {
      known = await this.#api.upsert(variables, signal);
    } catch (error) {
      if (!(error instanceof WandbRefusal) || !mayBeForeign(error) || delivered.at !== null) throw error;
      // The default entity is not everyone's: who may not write there has an entity of his own.
      const viewer = await this.#api.viewer(signal);
      if (viewer === entity) throw error;
      known = await this.#api.upsert({ ...variables, entity: viewer }, signal);
      log.warn("This W&B key may not write to the entity; the run goes to the key's own", {
        wanted: entity,
        entity: viewer,
        hint: "--wandb.entity names another",
      });
    }
    this.spool.known({ entity: known.entity, project: known.project });
    if (known.historyLines !== undefined) this.spool.reconcile(known.historyLines);
    this.#isKnown = true;
  }
}

/** Refusals that an entity of one's own may mend. */
function mayBeForeign({ status, isFinal }: WandbRefusal): boolean {
  return isFinal && (status === 200 || status === 403 || status === 404);
}

/** An error of the file system: the server may well be there. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function asRefusal(error: unknown): WandbRefusal {
  if (error instanceof WandbRefusal) return error;
  if (isFailure(error)) return new WandbRefusal(error.message, 0, false);
  // An answer in another shape than W&B's, or a spool that cannot be read.
  return new WandbRefusal(error instanceof Error ? error.message.slice(0, 200) : "unknown", 0, false);
}

function hintFor({ status }: WandbRefusal): string {
  if (status === 401)
    return "openvalidator wandb login sets a key; openvalidator wandb sync sends what waits";
  return "see --wandb.entity and --wandb.project_name; openvalidator wandb sync sends what waits";
}
