import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { ArtifactUploads } from "../../wandb/artifact-upload.ts";
import type { RunSpool } from "../../wandb/spool.ts";
import { asRefusal, backOffMs, type Pace } from "./pace.ts";

/**
 * Brings the artifacts of one run to the server, one after another and beside its rows: neither waits for the other. One
 * that fails is tried again; one that the server will not have is given up, for the next version comes anyway.
 */
export class ArtifactDelivery {
  readonly #spool: RunSpool;
  readonly #uploads: ArtifactUploads;
  readonly #pace: Pace;
  readonly #ended = new AbortController();
  #isWhole = false;
  #isRefused = false;
  #wake: (() => void) | undefined;
  #working: Promise<void> | undefined;

  constructor(spool: RunSpool, uploads: ArtifactUploads, pace: Pace) {
    this.#spool = spool;
    this.#uploads = uploads;
    this.#pace = pace;
  }

  /** To be called once the server knows the run; the signal ends the delivery where it stands. */
  start(signal: AbortSignal): void {
    this.#working ??= this.#work(AbortSignal.any([signal, this.#ended.signal]));
  }

  /** No artifact comes any more: resolves when those that wait are there. */
  async finish(): Promise<void> {
    this.#isWhole = true;
    this.#wake?.();
    await this.#working;
  }

  /** What waits stays on disk. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#working;
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const artifact = this.#spool.artifacts.first;
      if (artifact === undefined) {
        if (this.#isWhole) return;
        await this.#pauseForNews(signal);
        continue;
      }
      const bytes = await this.#read();
      if (bytes === undefined) continue;
      const told = { artifact: artifact.name, run: this.#spool.meta.id };
      try {
        const run = { ...this.#spool.meta.delivered.at!, id: this.#spool.meta.id };
        await this.#uploads.upload(run, artifact, bytes, signal);
        this.#spool.artifacts.shift();
        log.info("An artifact is on W&B", told);
        failures = 0;
        this.#isRefused = false;
      } catch (error) {
        if (signal.aborted) return;
        const refusal = asRefusal(error);
        // The key, and with it all of the run, may be good again tomorrow.
        if (refusal.isFinal && refusal.status === 401) return;
        if (refusal.isFinal) {
          this.#spool.artifacts.shift();
          if (!this.#isRefused)
            log.warn("W&B refuses an artifact; it is dropped", { ...told, reason: refusal.message });
          this.#isRefused = true;
          continue;
        }
        log.debug("An artifact waits for W&B", { ...told, reason: refusal.message });
        await this.#pace.sleep(backOffMs(this.#pace, refusal, failures++), signal);
      }
    }
  }

  /** The content of the first one; undefined, and it is dropped, when the disk has it no more. */
  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { artifacts, meta } = this.#spool;
    try {
      return await artifacts.read();
    } catch (error) {
      log.warn("An artifact for W&B cannot be read and is dropped", {
        run: meta.id,
        reason: messageOf(error),
      });
      artifacts.shift();
      return undefined;
    }
  }

  async #pauseForNews(signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    await this.#pace.sleep(this.#pace.everyMs, AbortSignal.any([waking.signal, signal]));
  }
}
