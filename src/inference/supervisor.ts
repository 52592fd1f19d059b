import { childEnvironment } from "../base/child-environment.ts";
import { sleep } from "../base/deadline.ts";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { backOffMs } from "../base/retry.ts";
import type { DeviceChoice } from "../config/kinds.ts";
import { EMBEDDED_MODEL } from "../models/embedded.ts";
import type { InferenceObserver, RunningModel } from "./changes.ts";
import type { ReadText } from "./embedding-cache.ts";
import type { InferenceCode } from "./failure.ts";
import type { TemplatePart } from "./graph/tokens.ts";
import type {
  ClassifierInput,
  Computed,
  Continuation,
  Device,
  LeftOut,
  ModelOrder,
  ModelReport,
  Work,
  WorkerSettings,
} from "./protocol.ts";
import { RunningModels } from "./running-models.ts";
import { workerCommand } from "./worker-command.ts";
import { WorkerProcess } from "./worker-process.ts";

/** 50 answers take about a second on two cores; a minute for one batch is a hung device, not a slow one. */
const REQUEST_TIMEOUT_MS = 60_000;
const RESTART = { firstMs: 250, maxMs: 30_000 };
/** A request that was in the worker when it died is sent once more: the second death is taken as its fault. */
const SENDS = 2;
/** With `auto`, so many deaths without an answer between them make the next worker use the CPU. */
const DEATHS_ON_GPU = 3;

export interface SupervisorOptions extends InferenceObserver {
  device: DeviceChoice;
  /** Loaded and tried out in this order before start() returns. The embedded model unless given. */
  models?: readonly (string | ModelOrder)[];
  /** Folder with further models: <id>/manifest.json beside the files that it names. */
  modelDirectory?: string;
  /** Most bytes of weights on the device; 80 % of its memory unless given. */
  memoryBytes?: number;
  /** For the child only, on top of what it gets of this process's environment; chooses drivers, for example. */
  environment?: Record<string, string>;
  /** Of one batch in the worker; not the wait for earlier ones. */
  requestTimeoutMs?: number;
  /** For one text of the tokenizer, in place of the usual time. */
  readTimeoutMs?: number;
  /** Ends the wait for the start. */
  signal?: AbortSignal;
  /** For a question or two: its start is nothing to tell of. */
  isBrief?: boolean;
}

/**
 * Turns texts into vectors in a process of its own, so that neither a computation nor a driver's crash can hold or end
 * this one. The process is started anew after a crash.
 */
export class InferenceSupervisor {
  readonly #options: SupervisorOptions;
  readonly #requestTimeoutMs: number;
  readonly #models: RunningModels;
  readonly #stopping = new AbortController();
  /** The running worker. */
  #current: WorkerProcess | undefined;
  /** The running worker, or the one being started; undefined after a start that failed. */
  #worker: Promise<WorkerProcess> | undefined;
  #device: Device;
  #last: Promise<unknown> = Promise.resolve();
  #nextId = 0;
  /** Deaths and failed starts since the last answer; sets the pause before the next start. */
  #deaths = 0;

  private constructor(options: SupervisorOptions, models: RunningModels, worker: WorkerProcess) {
    this.#options = options;
    this.#models = models;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#device = worker.device;
    this.#worker = Promise.resolve(worker);
    this.#adopt(worker);
  }

  /**
   * Starts the worker and waits until the models run on their device.
   * @throws Failure `inference.none`, `gpu.none` (only for device webgpu), `model.missing`, `model.corrupt`, `inference.crashed`,
   * `inference.late` or `inference.stopped`.
   */
  static async start(options: SupervisorOptions): Promise<InferenceSupervisor> {
    const models = new RunningModels(options);
    const start = performance.now();
    const worker = await spawnWorker(options, models, options.signal);
    models.ready(performance.now() - start);
    return new InferenceSupervisor(options, models, worker);
  }

  /** What the models run on; with `auto` it can change when the worker is started anew. */
  get device(): Device {
    return this.#device;
  }

  /** Models that the running worker could not load, in their order. */
  get leftOut(): readonly LeftOut[] {
    return this.#current?.leftOut ?? [];
  }

  /** Process id of the worker, while one runs. */
  get workerPid(): number | undefined {
    return this.#current?.pid;
  }

  /** Models that can be asked now. */
  get running(): readonly RunningModel[] {
    return this.#models.all;
  }

  /**
   * @returns one vector per text, in the order of the texts, of length 1 unless the manifest says otherwise; of a model
   * that reads windows, the mean of the windows' vectors. Texts are a stranger's: they are cut to the model's limit, and
   * special tokens in them are broken.
   * @throws Failure `gpu.lost`, `gpu.memory`, `model.*` or `inference.*`.
   */
  async embed(model: string, texts: readonly string[]): Promise<Float32Array[]> {
    return (await this.read(model, texts)).map(({ vector }) => vector);
  }

  /** As embed(), with what else the encoder tells of each text. */
  async read(model: string, texts: readonly string[]): Promise<ReadText[]> {
    if (texts.length === 0) return [];
    const computed = await this.#compute(model, { kind: "embed", texts: [...texts] }, texts.length);
    return rowsOf(computed).map(([vector], at) => ({ vector: vector!, disorder: computed.disorder?.[at] }));
  }

  /**
   * @returns the rows of logits of each input: one, or for `pieces` one to eight.
   * @throws Failure as embed().
   */
  async classify(model: string, inputs: readonly ClassifierInput[]): Promise<Float32Array[][]> {
    if (inputs.length === 0) return [];
    return rowsOf(await this.#compute(model, { kind: "classify", inputs: [...inputs] }, inputs.length));
  }

  /**
   * @param penalty of a repeated token, as in LanguageModel.logProb; 1 for none.
   * @returns the mean log-probability of each completion's tokens; −Infinity where the prompt fills the model.
   * @throws Failure as embed().
   */
  async logProb(model: string, pairs: readonly Continuation[], penalty: number): Promise<number[]> {
    const work: Work = { kind: "log-prob", pairs: [...pairs], penalty };
    if (pairs.length === 0) return [];
    return rowsOf(await this.#compute(model, work, pairs.length)).map(([row]) => row![0]!);
  }

  /**
   * @returns for each prompt the logits of the digits 0 to 9 as the next token.
   * @throws Failure as embed().
   */
  async digitScores(model: string, prompts: readonly (readonly TemplatePart[])[]): Promise<Float32Array[]> {
    const work: Work = { kind: "digits", prompts: prompts.map((parts) => [...parts]) };
    if (prompts.length === 0) return [];
    return rowsOf(await this.#compute(model, work, prompts.length)).flat();
  }

  /** Ends the worker; a request under way fails with `inference.stopped`. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current?.stop();
    // A worker being started was killed by the signal; its promise settles then.
    await Promise.allSettled([this.#worker, this.#last]);
  }

  /** Requests are served one after another, in the order of the calls. */
  async #compute(model: string, work: Work, count: number): Promise<Computed> {
    const askedAt = performance.now();
    const mine = this.#last.then(() => this.#serve(model, work, { askedAt, count }));
    this.#last = mine.catch(() => undefined);
    return await mine;
  }

  async #serve(
    model: string,
    work: Work,
    { askedAt, count }: { askedAt: number; count: number },
  ): Promise<Computed> {
    for (let sent = 1; ; sent++) {
      this.#throwIfStopping();
      const worker = await this.#liveWorker();
      const sentAt = performance.now();
      try {
        const computed = await worker.compute({ id: this.#nextId++, model, work }, this.#requestTimeoutMs);
        this.#deaths = 0;
        for (const id of computed.shed) {
          log.warn("An optional model is given up for want of memory", { model: id, for: model });
          this.#models.shed(id, `its memory was needed for ${model}`);
        }
        const computeMs = performance.now() - sentAt;
        this.#options.onServed?.({ model, queueMs: sentAt - askedAt, computeMs, count });
        return computed;
      } catch (error) {
        this.#throwIfStopping();
        const isLost = isFailure<InferenceCode>(error, "gpu.lost");
        if (!(isLost || isFailure<InferenceCode>(error, "inference.crashed"))) throw error;
        // A worker without its device ends by itself; waiting for that keeps the request out of a dying process.
        if (isLost) worker.kill();
        await worker.exited;
        if (sent >= SENDS) throw error;
        log.warn("Inference request is sent again", { model, work: work.kind, error });
      }
    }
  }

  #throwIfStopping(): void {
    if (this.#stopping.signal.aborted) throw stopped();
  }

  /** The running worker, or the one being started. */
  async #liveWorker(): Promise<WorkerProcess> {
    if (this.#current?.hasEnded) this.#replace(this.#current);
    this.#worker ??= this.#restart();
    return await this.#worker;
  }

  #adopt(worker: WorkerProcess): void {
    this.#current = worker;
    this.#device = worker.device;
    log[this.#options.isBrief ? "debug" : "info"]("Inference ready", { ...worker.device, pid: worker.pid });
    void worker.exited.then(() => this.#replace(worker));
  }

  /** Starts the next worker as soon as this one has ended, so that it is up before the next request. */
  #replace(ended: WorkerProcess): void {
    if (this.#current !== ended || this.#stopping.signal.aborted) return;
    this.#current = undefined;
    log.warn("Inference worker ended", { pid: ended.pid });
    this.#models.lost(`the inference process ended (${ended.end})`);
    this.#worker = this.#restart();
    // Whoever asks next is told of the failure; until then nobody waits for this promise.
    this.#worker.catch((error: unknown) => log.warn("Inference worker does not start", { error }));
  }

  async #restart(): Promise<WorkerProcess> {
    try {
      const endedAt = performance.now();
      await sleep(backOffMs(RESTART, this.#deaths++), this.#stopping.signal);
      this.#throwIfStopping();
      const isGpuGivenUp = this.#options.device === "auto" && this.#deaths > DEATHS_ON_GPU;
      const options: SupervisorOptions = isGpuGivenUp ? { ...this.#options, device: "cpu" } : this.#options;
      const worker = await spawnWorker(options, this.#models, this.#stopping.signal);
      this.#adopt(worker);
      this.#models.ready(performance.now() - endedAt);
      return worker;
    } catch (error) {
      // The next request tries again, after a longer pause.
      this.#worker = undefined;
      throw error;
    }
  }
}

/** For each input its rows. */
function rowsOf({ values, width, counts }: Computed): Float32Array[][] {
  let row = 0;
  return counts.map((rows) =>
    Array.from({ length: rows }, () => {
      const start = row++ * width;
      return values.slice(start, start + width);
    }),
  );
}

function stopped(): Failure<InferenceCode> {
  return new Failure<InferenceCode>("inference.stopped", { message: "inference was stopped" });
}

/** With `auto`, a driver that crashes or hangs at the start counts as none: the CPU is taken. */
async function spawnWorker(
  options: SupervisorOptions,
  models: RunningModels,
  signal?: AbortSignal,
): Promise<WorkerProcess> {
  const settings: WorkerSettings = {
    device: options.device,
    models: (options.models ?? [EMBEDDED_MODEL]).map((model) =>
      typeof model === "string" ? { id: model } : model,
    ),
    modelDirectory: options.modelDirectory,
    memoryBytes: options.memoryBytes,
  };
  const environment = { ...childEnvironment(process.env), ...options.environment };
  const { readTimeoutMs } = options;
  const onModel = (report: ModelReport): void => models.report(report);
  try {
    return await WorkerProcess.start(workerCommand(), environment, settings, {
      signal,
      onModel,
      readTimeoutMs,
    });
  } catch (error) {
    models.lost(messageOf(error));
    if (signal?.aborted) throw stopped();
    const isDriversFault =
      isFailure<InferenceCode>(error, "inference.crashed") ||
      isFailure<InferenceCode>(error, "inference.late");
    if (options.device !== "auto" || !isDriversFault) throw error;
    log.warn("Inference did not start with the GPU; trying the CPU", { error });
    return await spawnWorker({ ...options, device: "cpu" }, models, signal);
  }
}
