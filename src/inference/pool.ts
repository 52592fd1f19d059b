import { isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { DeviceChoice } from "../config/kinds.ts";
import { deviceName, type RunningModel } from "./changes.ts";
import type { ReadText } from "./embedding-cache.ts";
import { fromMessage, type InferenceCode } from "./failure.ts";
import type { TemplatePart } from "./graph/tokens.ts";
import type { ClassifierInput, Continuation, Device, LeftOut, ModelOrder } from "./protocol.ts";
import { InferenceSupervisor, type SupervisorOptions } from "./supervisor.ts";

const CPU: Device = { kind: "cpu" };

/** A model and where it is to run. */
export interface PlacedModel extends ModelOrder {
  device: DeviceChoice;
}

export interface ModelPoolOptions extends Omit<SupervisorOptions, "device" | "models"> {
  /** In load order: needed ones first, for the last are left out first. Each id once. */
  models: readonly PlacedModel[];
  /** For tests. */
  startSupervisor?: typeof InferenceSupervisor.start;
}

/**
 * All models of this program, each in the process of its device. A needed model that a device has no memory for, at the
 * start or in the middle of a step, moves to the CPU; an optional one is left out. Either is told once, and no step is lost.
 */
export class ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #byDevice = new Map<DeviceChoice, Promise<InferenceSupervisor>>();
  /** Where each model runs; none for an optional one that was left out. */
  readonly #homes = new Map<string, DeviceChoice>();
  readonly #leftOut = new Map<string, LeftOut>();
  /** Ends the start of processes: of the caller's signal, or of stop(). */
  readonly #stopping = new AbortController();

  private constructor(options: ModelPoolOptions) {
    this.#options = options;
  }

  /**
   * Starts one process for each device that is named, and waits until the models run.
   * @throws Failure as InferenceSupervisor.start(); that of a needed model which no device has room for.
   */
  static async start(options: ModelPoolOptions): Promise<ModelPool> {
    const pool = new ModelPool(options);
    try {
      await pool.#open();
      return pool;
    } catch (error) {
      await pool.stop();
      throw error;
    }
  }

  /** Models that can be asked now, with what they run on. */
  async running(): Promise<RunningModel[]> {
    const found: RunningModel[] = [];
    for (const [choice, starting] of this.#byDevice) {
      const { running } = await starting;
      // A model that moved away in the middle of a step still lies on its first device.
      found.push(...running.filter(({ id }) => this.#homes.get(id) === choice));
    }
    return found;
  }

  /** As InferenceSupervisor.embed(). */
  async embed(model: string, texts: readonly string[]): Promise<Float32Array[]> {
    return await this.#ask(model, (inference) => inference.embed(model, texts));
  }

  /** As InferenceSupervisor.read(). */
  async read(model: string, texts: readonly string[]): Promise<ReadText[]> {
    return await this.#ask(model, (inference) => inference.read(model, texts));
  }

  /** As InferenceSupervisor.classify(). */
  async classify(model: string, inputs: readonly ClassifierInput[]): Promise<Float32Array[][]> {
    return await this.#ask(model, (inference) => inference.classify(model, inputs));
  }

  /** As InferenceSupervisor.logProb(). */
  async logProb(model: string, pairs: readonly Continuation[], penalty: number): Promise<number[]> {
    return await this.#ask(model, (inference) => inference.logProb(model, pairs, penalty));
  }

  /** As InferenceSupervisor.digitScores(). */
  async digitScores(model: string, prompts: readonly (readonly TemplatePart[])[]): Promise<Float32Array[]> {
    return await this.#ask(model, (inference) => inference.digitScores(model, prompts));
  }

  /** Ends every process, one that is being started too; requests under way fail with `inference.stopped`. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const started = await Promise.allSettled(this.#byDevice.values());
    await Promise.all(started.map((one) => (one.status === "fulfilled" ? one.value.stop() : undefined)));
  }

  async #open(): Promise<void> {
    const { models } = this.#options;
    for (const { id, device } of models) this.#homes.set(id, device);
    // The CPU comes last: it takes what others have no room for.
    const choices = [...new Set(models.map(({ device }) => device))].sort(
      (a, b) => Number(a === "cpu") - Number(b === "cpu"),
    );
    for (const choice of choices) await this.#fill(choice);
    if ([...this.#homes.values()].includes("cpu") && !choices.includes("cpu")) await this.#fill("cpu");
  }

  /** Starts a process with the models whose home it is, and finds another home for those it leaves out. */
  async #fill(choice: DeviceChoice): Promise<void> {
    const inference = await this.#processOn(choice);
    for (const left of inference.leftOut) {
      const { message } = left.failure;
      if (this.#isOptional(left.id)) {
        log.warn("An optional model is left out", { model: left.id, reason: message });
        this.#leftOut.set(left.id, left);
        this.#tell(left.id, "left-out", inference.device, message);
      } else if (inference.device.kind === "cpu") throw fromMessage(left.failure);
      else {
        log.warn("A model runs on the CPU, for its device cannot hold it", {
          model: left.id,
          reason: message,
        });
        this.#homes.set(left.id, "cpu");
        this.#tell(left.id, "moved", CPU, message);
      }
    }
  }

  #isOptional(model: string): boolean {
    return this.#options.models.find(({ id }) => id === model)?.isOptional ?? false;
  }

  /** The process of a device, started when it is first wanted. */
  async #processOn(choice: DeviceChoice): Promise<InferenceSupervisor> {
    let started = this.#byDevice.get(choice);
    if (started === undefined) {
      const models = this.#options.models
        .map((model) => ({ ...model, isDeferred: this.#homes.get(model.id) !== choice }))
        .filter(({ isDeferred }) => choice === "cpu" || !isDeferred);
      const { startSupervisor = InferenceSupervisor.start, ...options } = this.#options;
      const signals = [this.#stopping.signal, ...(options.signal ? [options.signal] : [])];
      started = startSupervisor({ ...options, device: choice, models, signal: AbortSignal.any(signals) });
      this.#byDevice.set(choice, started);
      started.catch(() => this.#byDevice.delete(choice));
    }
    return await started;
  }

  #tell(model: string, state: "moved" | "left-out", device: Device, detail: string): void {
    const unknown = { dtype: null, ms: null, bytes: null };
    this.#options.onModel?.({ model, state, device: deviceName(device), detail, ...unknown });
  }

  async #ask<T>(model: string, ask: (inference: InferenceSupervisor) => Promise<T>): Promise<T> {
    const left = this.#leftOut.get(model);
    if (left !== undefined) throw fromMessage(left.failure);
    const home = this.#homes.get(model);
    if (home === undefined) throw new Error(`nobody placed the model ${model}`);
    const inference = await this.#processOn(home);
    try {
      return await ask(inference);
    } catch (error) {
      const hasNoRoom = isFailure<InferenceCode>(error, "gpu.memory") && inference.device.kind !== "cpu";
      if (!hasNoRoom || this.#isOptional(model)) throw error;
      if (this.#homes.get(model) !== "cpu") {
        log.warn("A model moves to the CPU, for its device is out of memory", { model, error });
        this.#tell(model, "moved", CPU, messageOf(error));
      }
      this.#homes.set(model, "cpu");
      return await ask(await this.#processOn("cpu"));
    }
  }
}
