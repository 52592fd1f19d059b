import { deviceName, type InferenceObserver, type ModelState, type RunningModel } from "./changes.ts";
import type { ModelReport } from "./protocol.ts";

/** The models of one process after another, as the processes report them; tells the observer what changes. */
export class RunningModels {
  readonly #onModel: NonNullable<InferenceObserver["onModel"]>;
  readonly #running = new Map<string, RunningModel>();
  /** Where models ran when their process ended: its successor restarts them there, or moves them. */
  #lost = new Map<string, RunningModel>();

  constructor({ onModel = () => undefined }: InferenceObserver) {
    this.#onModel = onModel;
  }

  get all(): readonly RunningModel[] {
    return [...this.#running.values()];
  }

  /** A model was loaded or tried by the process that is running or being started. */
  report({ id, state, ms, detail, device, dtype, bytes, sha256 }: ModelReport): void {
    const running: RunningModel = { id, device: deviceName(device), dtype, bytes, sha256 };
    this.#running.set(id, running);
    this.#tell(running, state, ms, detail);
  }

  /** The process serves. @param ms from the end of its predecessor, if it had one. */
  ready(ms: number): void {
    for (const running of this.#running.values()) {
      const before = this.#lost.get(running.id);
      if (before === undefined) continue;
      const isMoved = before.device !== running.device;
      this.#tell(running, isMoved ? "moved" : "restarted", ms, isMoved ? `it ran on ${before.device}` : null);
    }
    this.#lost.clear();
  }

  /** The process is gone. */
  lost(detail: string): void {
    for (const running of this.#running.values()) {
      this.#lost.set(running.id, running);
      this.#tell(running, "lost", null, detail);
    }
    this.#running.clear();
  }

  /** Taken from the device to make room for another model. */
  shed(id: string, detail: string): void {
    const running = this.#running.get(id);
    this.#running.delete(id);
    if (running !== undefined) this.#tell(running, "shed", null, detail);
  }

  #tell(running: RunningModel, state: ModelState, ms: number | null, detail: string | null): void {
    const { id, device, dtype, bytes } = running;
    this.#onModel({ model: id, state, device, dtype, ms, bytes, detail });
  }
}
