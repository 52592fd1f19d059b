import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { VERSION } from "../../config/version.ts";
import { type RunPlace, type WandbApi, WandbRefusal } from "../../wandb/api.ts";
import type { ArtifactUploads } from "../../wandb/artifact-upload.ts";
import { uploadRunFile } from "../../wandb/run-file.ts";
import type { RunSpool, Stream } from "../../wandb/spool.ts";
import { ArtifactDelivery } from "./artifact-delivery.ts";
import { asRefusal, backOffMs, PACE, type Pace } from "./pace.ts";

/** W&B's names of the two streams. */
const FILES: Record<Stream, string> = {
  history: "wandb-history.jsonl",
  events: "wandb-events.jsonl",
};

/** The server takes 10 MiB; less, so that making a body never holds the event loop for long. */
const MAX_BODY_BYTES = 4 << 20;
/** As W&B's clients call it. */
const ENVIRONMENT_FILE = "wandb-metadata.json";
const ENVIRONMENT_TIMEOUT_MS = 10_000;
const STOPPED_BODY = '{"complete":true,"exitcode":0}';

export type DeliveryState = "waiting" | "delivering" | "failing" | "refused" | "stopped" | "done";

export interface DeliveryOptions {
  pace?: Pace | undefined;
  /** Shared by all deliveries to one server. */
  artifacts: ArtifactUploads;
  /** Somebody wants this run delivered now, whether or not it was stopped on its page. */
  isByHand?: boolean;
}

/** Brings one run to the server: every line once and in order, whatever fails between. */
export class Delivery {
  readonly spool: RunSpool;
  readonly #api: WandbApi;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #state: DeliveryState = "waiting";
  readonly #artifacts: ArtifactDelivery;
  readonly #isByHand: boolean;
  #isKnown = false;
  #maxBodyBytes = MAX_BODY_BYTES;
  #lastPostMs = 0;
  #sentSummary: string | undefined;
  #wake: (() => void) | undefined;
  /** Files beside the run of which the server is not told yet. */
  #uploaded: string[] = [];

  constructor(spool: RunSpool, api: WandbApi, { pace = PACE, artifacts, isByHand = false }: DeliveryOptions) {
    this.spool = spool;
    this.#api = api;
    this.#pace = pace;
    this.#isByHand = isByHand;
    this.#artifacts = new ArtifactDelivery(spool, artifacts, pace);
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
    // A run whose rows are whole may have left an artifact behind.
    if (this.spool.meta.delivered.complete) this.#artifacts.start(signal);
    else await this.#deliverRows(signal);
    await (this.spool.meta.delivered.complete ? this.#artifacts.finish() : this.#artifacts.stop());
    if (this.spool.isDelivered) this.#state = "done";
    return this.#state;
  }

  async #deliverRows(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const isMore = await this.#round(signal);
        if (failures > 0) log.info("W&B takes rows again", { run: this.spool.meta.id });
        failures = 0;
        if (this.spool.meta.delivered.complete || this.#state === "stopped") return;
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
          return;
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
        await this.#pace.sleep(backOffMs(this.#pace, refusal, failures++), signal);
      }
    }
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
    const uploaded = this.#uploaded;
    const parts = [
      ...(files.length > 0 ? [`"files":{${files.join(",")}}`] : []),
      ...(uploaded.length > 0 ? [`"uploaded":${JSON.stringify(uploaded)}`] : []),
      ...(isLast ? [`"complete":true,"exitcode":${sealed.exitCode}`] : []),
    ];
    this.#lastPostMs = this.#pace.now();
    const body = `{${parts.join(",")}}`;
    const { isStopped } = await this.#api.fileStream(delivered.at!, spool.meta.id, body, signal);
    this.#uploaded = [];
    for (const stream of ["history", "events"] as const)
      if (sent[stream].lines > 0) spool.confirm(stream, sent[stream].lines, sent[stream].sizeBytes);
    this.#sentSummary = summary;
    if (isLast) {
      spool.complete();
      log.info("A run is whole on W&B", { run: spool.meta.id, rows: delivered.history });
      return false;
    }
    if (isStopped && !this.#isByHand) {
      await this.#endAsStopped(signal);
      return false;
    }
    const isWhole = spool.unsentRows === 0 && spool.lines("events") === spool.meta.delivered.events;
    return !isWhole || spool.meta.sealed !== null;
  }

  /** Somebody pressed Stop on the page of the run: it ends there, and goes on here. */
  async #endAsStopped(signal: AbortSignal): Promise<void> {
    const { spool } = this;
    spool.stopped();
    this.#state = "stopped";
    log.warn("This run was stopped on W&B; no more of it is sent", {
      run: spool.meta.id,
      hint: "its rows stay on disk for openvalidator wandb sync, and the next run is sent; --wandb.offline sends none",
    });
    try {
      // Without an end of it the page would show a crash.
      await this.#api.fileStream(spool.meta.delivered.at!, spool.meta.id, STOPPED_BODY, signal);
    } catch (error) {
      log.debug("The end of a stopped W&B run could not be told", { reason: messageOf(error) });
    }
  }

  /** Makes the run known to the server, and takes over how many of its rows are there. */
  async #introduce(signal: AbortSignal): Promise<void> {
    const { id, description, delivered } = this.spool.meta;
    const { entity, project, displayName, notes, tags, config } = description;
    const wrapped = Object.fromEntries(
      Object.entries(config).map(([name, value]) => [name, { value: value ?? null }]),
    );
    // Without `t`, W&B takes a run for one that never started.
    const { environment } = this.spool.meta;
    const own = {
      value: {
        cli_version: `openvalidator ${VERSION}`,
        t: { 1: [], 12: VERSION },
        m: [],
        ...(environment && { e: { [id]: environment } }),
      },
    };
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
    await this.#uploadEnvironment(known, signal);
    this.#isKnown = true;
    this.#artifacts.start(this.#stop.signal);
  }

  /** For `metadata` of the official client, which reads it from a file. No row depends on it, or waits long for it. */
  async #uploadEnvironment({ entity, project }: RunPlace, signal: AbortSignal): Promise<void> {
    const { id, environment } = this.spool.meta;
    if (environment === undefined) return;
    try {
      const bytes = Buffer.from(JSON.stringify(environment), "utf8");
      const limited = AbortSignal.any([signal, AbortSignal.timeout(ENVIRONMENT_TIMEOUT_MS)]);
      const file = { name: ENVIRONMENT_FILE, bytes };
      await uploadRunFile(this.#api, { entity, project, id }, file, limited);
      this.#uploaded.push(ENVIRONMENT_FILE);
    } catch (error) {
      log.debug("The environment of a run is not beside it on W&B", { run: id, reason: messageOf(error) });
    }
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

function hintFor({ status }: WandbRefusal): string {
  if (status === 401)
    return "openvalidator wandb login sets a key; openvalidator wandb sync sends what waits";
  return "see --wandb.entity and --wandb.project_name; openvalidator wandb sync sends what waits";
}
