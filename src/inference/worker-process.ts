import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { fromMessage, type InferenceCode } from "./failure.ts";
import type {
  Computed,
  Device,
  FromWorker,
  LeftOut,
  ModelReport,
  ToWorker,
  WorkerSettings,
  WorkRequest,
} from "./protocol.ts";

/**
 * From spawn to the first model, and from one model to the next: reading and checking gigabytes, compiling shaders;
 * SwiftShader on two busy cores takes 20 s for 25 MB.
 */
const START_TIMEOUT_MS = 120_000;
/**
 * For one text, or for making a tokenizer. Of 131 000 characters, as many as are looked at of one, real ones take 0.2 s. A
 * pattern in a tokenizer.json that tries every way to match takes for ever, and nothing in its process can end it.
 */
const READ_TIMEOUT_MS = 30_000;
/** A worker that is told to stop has nothing to finish; one that is stopped or hung is killed. */
const CHILD_STOP_MS = 1_500;
/** Enough of a driver's last words to understand a crash. */
const LAST_WORDS_CHARACTERS = 400;

export interface ProcessOptions {
  /** Kills the process when it is aborted before its models run. */
  signal?: AbortSignal | undefined;
  /** Told of each model that is loaded or tried, at the start or later. */
  onModel?: (report: ModelReport) => void;
  /** In place of the usual time for one text. */
  readTimeoutMs?: number | undefined;
}

interface Waiting {
  resolve(message: FromWorker): void;
  reject(error: unknown): void;
  /** Starts the wait anew. */
  onAlive(): void;
  /** Waits for the tokenizer of a model. */
  onReading(model: string): void;
}

/** One inference process, from its start to its end. It is never started again: that is the supervisor's part. */
export class WorkerProcess {
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  #device: Device | undefined;
  #leftOut: readonly LeftOut[] = [];
  readonly #readTimeoutMs: number;
  #waiting: Waiting | undefined;
  #lastWords = "";
  #hasEnded = false;
  /** A worker ends by itself when its parent is gone, but one that hangs would stay, with all memory of its device. */
  readonly #killAtExit = (): void => this.kill();

  private constructor(
    command: readonly string[],
    environment: Record<string, string | undefined>,
    { onModel, readTimeoutMs = READ_TIMEOUT_MS }: ProcessOptions,
  ) {
    this.#readTimeoutMs = readTimeoutMs;
    this.#child = Bun.spawn([...command], {
      // ONNX Runtime 1.30 for Linux otherwise keeps a device id and a database of events below ~/.cache/Microsoft, and
      // sends them to mobile.events.data.microsoft.com. Nobody asked for that on a validator.
      env: { ...environment, ORT_DISABLE_TELEMETRY: "1" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      serialization: "advanced",
      // A group of its own: Ctrl-C in the terminal is for the parent, which then stops the worker in its turn.
      detached: true,
      ipc: (message: FromWorker) => {
        if (message.kind === "model") onModel?.(message.report);
        if (message.kind === "model" || message.kind === "alive") this.#waiting?.onAlive();
        else if (message.kind === "reading") this.#waiting?.onReading(message.model);
        else this.#waiting?.resolve(message);
      },
    });
    process.once("exit", this.#killAtExit);
    void this.#child.exited.then(() => this.#end());
    void this.#listen();
  }

  /**
   * Starts a process and waits until its models run.
   * @throws Failure of the worker (`gpu.*`, `model.*`), `inference.crashed` or `inference.late`.
   */
  static async start(
    command: readonly string[],
    environment: Record<string, string | undefined>,
    settings: WorkerSettings,
    options: ProcessOptions = {},
  ): Promise<WorkerProcess> {
    const { signal } = options;
    const worker = new WorkerProcess(command, environment, options);
    const kill = (): void => worker.kill();
    signal?.addEventListener("abort", kill, { once: true });
    try {
      signal?.throwIfAborted();
      const reply = await worker.#ask(
        { kind: "start", ...settings },
        START_TIMEOUT_MS,
        "the start of inference",
      );
      if (reply.kind === "refused") throw fromMessage(reply.failure);
      if (reply.kind !== "ready") throw unexpected(reply);
      if (reply.passedOver !== undefined) log.warn("GPU passed over", { reason: reply.passedOver });
      worker.#device = reply.device;
      worker.#leftOut = reply.leftOut;
      return worker;
    } catch (error) {
      worker.kill();
      throw error;
    } finally {
      signal?.removeEventListener("abort", kill);
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Models that it could not load, in their order. */
  get leftOut(): readonly LeftOut[] {
    return this.#leftOut;
  }

  /** How it ended, as "SIGKILL" or "exit code 1". */
  get end(): string {
    const { exitCode, signalCode } = this.#child;
    return signalCode === null ? `exit code ${exitCode}` : String(signalCode);
  }

  /** What the worker runs on. */
  get device(): Device {
    return this.#device!;
  }

  /**
   * One request at a time; a worker that is silent for too long is killed, because nothing else frees a hung device.
   * @param timeoutMs of each batch, not of the whole: fifty answers on a slow device are many.
   * @throws Failure of the worker, `inference.crashed` or `inference.late`.
   */
  async compute(request: WorkRequest, timeoutMs: number): Promise<Computed & { shed: string[] }> {
    const reply = await this.#ask({ kind: "work", ...request }, timeoutMs, "inference");
    if (reply.kind === "failed" && reply.id === request.id) throw fromMessage(reply.failure);
    if (reply.kind !== "done" || reply.id !== request.id) throw unexpected(reply);
    return reply;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Asks the process to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#send({ kind: "stop" });
    const timer = setTimeout(() => this.kill(), CHILD_STOP_MS);
    await this.#child.exited;
    clearTimeout(timer);
  }

  #send(message: ToWorker): void {
    try {
      this.#child.send(message);
    } catch (error) {
      // The channel breaks a moment before the exit is known; the exit is what callers are told.
      log.debug("Inference worker cannot be reached", { error });
    }
  }

  async #ask(message: ToWorker, timeoutMs: number, what: string): Promise<FromWorker> {
    if (this.#waiting !== undefined) throw new Error("an inference worker serves one request at a time");
    if (this.#hasEnded) throw this.#crashed();
    const { promise, resolve, reject } = Promise.withResolvers<FromWorker>();
    let timer: Timer | undefined;
    const waitFor = (ms: number, failureAfter: (ms: number) => Failure<InferenceCode>): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        reject(failureAfter(ms));
        this.kill();
      }, ms);
    };
    const onAlive = (): void => waitFor(timeoutMs, (ms) => silent(what, ms));
    const onReading = (model: string): void => waitFor(this.#readTimeoutMs, (ms) => endless(model, ms));
    onAlive();
    this.#waiting = { resolve, reject, onAlive, onReading };
    this.#send(message);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  #end(): void {
    this.#hasEnded = true;
    process.off("exit", this.#killAtExit);
    this.#waiting?.reject(this.#crashed());
  }

  #crashed(): Failure<InferenceCode> {
    const { exitCode, signalCode } = this.#child;
    return new Failure<InferenceCode>("inference.crashed", {
      message: `the inference worker ended by itself (${this.end})`,
      data: { exitCode, signalCode, lastWords: this.#lastWords },
      retry: "soon",
    });
  }

  /** Drivers write what they like to standard error: kept for a crash, shown at debug. */
  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      const text = decoder.decode(chunk, { stream: true });
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_CHARACTERS);
      log.debug("Inference worker wrote", { text });
    }
  }
}

function unexpected(reply: FromWorker): Error {
  return new Error(`the inference worker answered ${reply.kind} to something else`);
}

function silent(what: string, timeoutMs: number): Failure<InferenceCode> {
  return new Failure<InferenceCode>("inference.late", {
    message: `${what} was silent for ${timeoutMs / 1000} s`,
    data: { timeoutMs },
    retry: "soon",
  });
}

function endless(model: string, timeoutMs: number): Failure<InferenceCode> {
  return new Failure<InferenceCode>("model.unsupported", {
    message: `the tokenizer of ${model} was not done with a text after ${timeoutMs / 1000} s`,
    hint: "a pattern in its tokenizer.json may never end: get the model again from where it was published",
    data: { timeoutMs },
  });
}
