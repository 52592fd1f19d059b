import { Failure } from "../../base/error.ts";
import { checkNumbersOf } from "../../models/built-numbers.ts";
import type { Dtype } from "../../models/manifest.ts";
import { findModel, type StoredModel } from "../../models/model-files.ts";
import { failureOf, type InferenceCode, toMessage } from "../failure.ts";
import type { Classifier } from "../graph/classifier.ts";
import type { Encoder } from "../graph/encoder.ts";
import type { LoadOptions } from "../graph/graph-model.ts";
import type { LanguageModel } from "../graph/language.ts";
import type { Computed, Device, LeftOut, ModelOrder, ModelReport, Work } from "../protocol.ts";
import { withChosenDtype } from "./dtype.ts";
import { tryOut } from "./trial.ts";

export interface LoadedModelsOptions {
  /** Folder with further models than those in the program. */
  directory: string | undefined;
  /** Most bytes of weights. */
  memoryBytes: number;
  /** As in WorkerSettings. */
  profileInto?: string;
  /** As GraphHooks, of any model; with its id. */
  onReading(model: string): void;
  onProgress(): void;
  /** Called for each model when it is loaded, and when it has run once. */
  onModel(report: ModelReport): void;
}

/** A model by what it can be asked. */
type Opened =
  | { kind: "embedding"; model: Encoder }
  | { kind: "classification"; model: Classifier }
  | { kind: "language"; model: LanguageModel };
type Loaded = Opened & { weightBytes: number };

/**
 * The models of one process on one device. Weights are held within a budget; when memory is short all the same, optional
 * models are given up, the last ordered first. The classes of models load ONNX Runtime and are imported when the first
 * model is, so that a failure of that is an answer to the parent as well.
 */
export class LoadedModels {
  readonly #device: Device;
  readonly #options: LoadedModelsOptions;
  readonly #orders = new Map<string, ModelOrder>();
  readonly #loaded = new Map<string, Loaded>();
  readonly #shed = new Set<string>();

  constructor(device: Device, options: LoadedModelsOptions) {
    this.#device = device;
    this.#options = options;
  }

  /**
   * Loads models in their order and runs each once, so that what it lacks is known before the first step.
   * @returns those that do not fit or work on this device; a model that is damaged or missing is no such case.
   * @throws Failure `model.missing`, `model.corrupt`, `gpu.lost`; what the first model meets, for then it is the device
   * that does not work.
   */
  async load(orders: readonly ModelOrder[]): Promise<LeftOut[]> {
    const leftOut: LeftOut[] = [];
    for (const order of orders) {
      this.#orders.set(order.id, order);
      if (order.isDeferred) continue;
      try {
        await this.#load(order.id);
      } catch (error) {
        const failure = failureOf(error);
        if (isEndOfAll(failure.code, this.#loaded.size === 0)) throw failure;
        leftOut.push({ id: order.id, failure: toMessage(failure) });
      }
    }
    return leftOut;
  }

  /**
   * Computes, and gives up optional models while the device has no memory left for it.
   * @returns the numbers, and the models that were given up.
   * @throws Failure `model.shed` for a model that was given up before, and as the models do.
   */
  async compute(id: string, work: Work): Promise<Computed & { shed: string[] }> {
    if (this.#shed.has(id))
      throw new Failure<InferenceCode>("model.shed", {
        message: `the optional model ${id} was given up when memory was short`,
        hint: "give --models.memory more, or place it elsewhere with --neuron.device ROLE=DEVICE",
      });
    const shed: string[] = [];
    for (;;) {
      try {
        if (!this.#loaded.has(id)) await this.#load(id);
        return { ...(await run(this.#loaded.get(id)!, id, work)), shed };
      } catch (error) {
        const failure = failureOf(error);
        const victim = failure.code === "gpu.memory" ? this.#leastNeeded(id) : undefined;
        if (victim === undefined) throw failure;
        await this.#release(victim);
        this.#shed.add(victim);
        shed.push(victim);
      }
    }
  }

  async #load(id: string): Promise<void> {
    const order = this.#orders.get(id);
    const found = await findModel(id, this.#options.directory);
    const stored = withChosenDtype(found, this.#device, order?.dtypes);
    checkNumbersOf(stored.manifest, stored.manifest.dtype[this.#device.kind][0]!);
    const weightBytes = weightBytesOf(stored, this.#device);
    const used = [...this.#loaded.values()].reduce((sum, loaded) => sum + loaded.weightBytes, 0);
    if (used + weightBytes > this.#options.memoryBytes)
      throw new Failure<InferenceCode>("gpu.memory", {
        message: `the model ${id} needs ${sizeText(weightBytes)}, and ${sizeText(Math.max(0, this.#options.memoryBytes - used))} are left for models on this device`,
        hint: "give --models.memory more, choose a smaller dtype, or place models with --neuron.device ROLE=DEVICE",
        retry: "soon",
      });
    const start = performance.now();
    const { profileInto, onReading, onProgress } = this.#options;
    const hooks: LoadOptions = { profileInto, onProgress, onReading: () => onReading(id) };
    const loaded: Loaded = { ...(await open(stored, this.#device, hooks)), weightBytes };
    this.#loaded.set(id, loaded);
    const loadMs = performance.now() - start;
    let outcome: string;
    try {
      outcome = await tryOut(stored, this.#device, loaded.kind, (work) => run(loaded, id, work));
    } catch (error) {
      await this.#release(id);
      throw error;
    }
    // What was read of files is of no use any more, and the engine would keep hundreds of megabytes until it is short of them.
    Bun.gc(true);
    const facts = factsOf(stored, this.#device);
    // Told together: one that fails its trial counts as never loaded.
    this.#options.onModel({ ...facts, state: "loaded", ms: loadMs, detail: null });
    const trialMs = performance.now() - start - loadMs;
    const nodes = profileInto !== undefined && { nodes: loaded.model.placedNodes() };
    this.#options.onModel({ ...facts, state: "tried", ms: trialMs, detail: outcome, ...nodes });
  }

  /** The last ordered optional model that is loaded, other than the one that memory is wanted for. */
  #leastNeeded(wanted: string): string | undefined {
    return [...this.#orders.values()]
      .filter(({ id, isOptional }) => isOptional === true && id !== wanted && this.#loaded.has(id))
      .at(-1)?.id;
  }

  async #release(id: string): Promise<void> {
    const loaded = this.#loaded.get(id);
    this.#loaded.delete(id);
    await loaded?.model.release();
  }
}

/** Failures that belong to more than one model: files that are wrong, a device that is gone or that does nothing. */
function isEndOfAll(code: InferenceCode, isFirst: boolean): boolean {
  if (code === "gpu.memory" || code === "model.unsupported") return false;
  return isFirst || !(code === "inference.failed" || code === "inference.wrong-numbers");
}

function weightBytesOf({ manifest }: StoredModel, { kind }: Device): number {
  const [dtype] = manifest.dtype[kind];
  return manifest.files.reduce((sum, file) => sum + (file.dtype === dtype ? file.size : 0), 0);
}

function factsOf(
  stored: StoredModel,
  device: Device,
): Omit<ModelReport, "state" | "ms" | "detail" | "nodes"> {
  const { manifest } = stored;
  const [dtype] = manifest.dtype[device.kind] as [Dtype];
  const weights = manifest.files.find((file) => file.dtype === dtype);
  return {
    id: manifest.id,
    device,
    dtype,
    bytes: weightBytesOf(stored, device),
    sha256: weights?.sha256 ?? "",
  };
}

async function open(stored: StoredModel, { kind }: Device, options: LoadOptions): Promise<Opened> {
  const { embedding, classification } = stored.manifest;
  if (embedding)
    return {
      kind: "embedding",
      model: await (await import("../graph/encoder.ts")).Encoder.load(stored, kind, options),
    };
  if (classification)
    return {
      kind: "classification",
      model: await (await import("../graph/classifier.ts")).Classifier.load(stored, kind, options),
    };
  return {
    kind: "language",
    model: await (await import("../graph/language.ts")).LanguageModel.load(stored, kind, options),
  };
}

/** @throws Failure `model.unsupported` for work of another kind than the model's. */
async function run(loaded: Opened, id: string, work: Work): Promise<Computed> {
  const oneRowEach = (values: Float32Array, inputs: readonly unknown[], width: number): Computed => ({
    values,
    width,
    counts: inputs.map(() => 1),
  });
  if (work.kind === "embed" && loaded.kind === "embedding") {
    const encoder = loaded.model;
    const { vectors, disorder } = await encoder.embed(work.texts);
    return { ...oneRowEach(vectors, work.texts, encoder.dimensions), disorder };
  }
  if (work.kind === "classify" && loaded.kind === "classification") {
    const classifier = loaded.model;
    const { logits, counts } = await classifier.classify(work.inputs);
    return { values: logits, width: classifier.labels, counts };
  }
  if (work.kind === "log-prob" && loaded.kind === "language")
    return oneRowEach(await loaded.model.logProb(work.pairs, work.penalty), work.pairs, 1);
  if (work.kind === "digits" && loaded.kind === "language") {
    const scores = await loaded.model.digitScores(work.prompts);
    return oneRowEach(scores, work.prompts, scores.length / work.prompts.length);
  }
  throw new Failure<InferenceCode>("model.unsupported", {
    message: `the model ${id} does ${loaded.kind}, not ${work.kind}`,
    hint: "choose another model for this role in the profile",
  });
}

function sizeText(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
