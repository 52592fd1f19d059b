import { Failure } from "../base/error.ts";
import { type Adapter, listAdapters } from "./adapters.ts";
import { failureOf, type InferenceCode, toMessage } from "./failure.ts";
import type {
  Computed,
  Device,
  DeviceKind,
  FromWorker,
  ToWorker,
  Work,
  WorkerSettings,
  WorkRequest,
} from "./protocol.ts";
import { hasNamedDrivers, offerOnly, pickAdapter, visibleAdapters } from "./selection.ts";
import { findModel } from "./store.ts";

/** Any text will do: it shows that the device can run the whole graph. */
const TRIAL_TEXT = "a trial of the device";

/** Loads and keeps one thing per id. */
class Kept<T> {
  readonly #things = new Map<string, T>();
  readonly #load: (id: string) => Promise<T>;

  constructor(load: (id: string) => Promise<T>) {
    this.#load = load;
  }

  async get(id: string): Promise<T> {
    const known = this.#things.get(id);
    if (known !== undefined) return known;
    const thing = await this.#load(id);
    this.#things.set(id, thing);
    return thing;
  }
}

/**
 * The models of one process on one device, loaded when they are first asked for. The classes load ONNX Runtime and are
 * imported here, and not with this file, so that a failure of that is an answer to the parent as well.
 */
function loadedModels(device: DeviceKind, directory: string | undefined) {
  const find = (id: string): ReturnType<typeof findModel> => findModel(id, directory);
  return {
    encoders: new Kept(async (id) => (await import("./encoder.ts")).Encoder.load(await find(id), device)),
    classifiers: new Kept(async (id) =>
      (await import("./classifier.ts")).Classifier.load(await find(id), device),
    ),
    languages: new Kept(async (id) =>
      (await import("./language.ts")).LanguageModel.load(await find(id), device),
    ),
  };
}

type LoadedModels = ReturnType<typeof loadedModels>;

async function compute(models: LoadedModels, id: string, work: Work): Promise<Computed> {
  const oneRowEach = (values: Float32Array, inputs: readonly unknown[], width: number): Computed => ({
    values,
    width,
    counts: inputs.map(() => 1),
  });
  switch (work.kind) {
    case "embed": {
      const encoder = await models.encoders.get(id);
      return oneRowEach(await encoder.embed(work.texts), work.texts, encoder.dimensions);
    }
    case "classify": {
      const classifier = await models.classifiers.get(id);
      const { logits, counts } = await classifier.classify(work.inputs);
      return { values: logits, width: classifier.labels, counts };
    }
    case "log-prob": {
      const language = await models.languages.get(id);
      return oneRowEach(await language.logProb(work.pairs, work.penalty), work.pairs, 1);
    }
    case "digits": {
      const scores = await (await models.languages.get(id)).digitScores(work.prompts);
      return oneRowEach(scores, work.prompts, scores.length / work.prompts.length);
    }
  }
}

/** Runs a model of any kind once, so that what it lacks is known before the first step. */
async function tryOut(models: LoadedModels, id: string, directory: string | undefined): Promise<void> {
  const { embedding, classification } = (await findModel(id, directory)).manifest;
  const work: Work = embedding
    ? { kind: "embed", texts: [TRIAL_TEXT] }
    : classification
      ? { kind: "classify", inputs: [{ pieces: TRIAL_TEXT }] }
      : { kind: "log-prob", pairs: [{ prompt: TRIAL_TEXT, completion: TRIAL_TEXT }], penalty: 1 };
  await compute(models, id, work);
}

interface Ready {
  models: LoadedModels;
  device: Device;
  /** Why a GPU that is there is not used. */
  passedOver?: string;
}

async function startOn(device: Device, settings: WorkerSettings): Promise<Ready> {
  const models = loadedModels(device.kind, settings.modelDirectory);
  for (const id of settings.models) await tryOut(models, id, settings.modelDirectory);
  return { models, device };
}

async function startOnGpu(adapter: string | undefined, settings: WorkerSettings): Promise<Ready> {
  try {
    // Loads ONNX Runtime, so not with this file.
    const f16 = await (await import("./f16.ts")).hasWorkingF16();
    if (!f16) await refuseF16Models(settings);
    return await startOn({ kind: "webgpu", adapter, f16 }, settings);
  } catch (error) {
    const failure = failureOf(error);
    // A driver without WebGPU's needs ends up here: "Failed to get a WebGPU adapter" and the like.
    if (failure.code !== "inference.failed") throw failure;
    throw noGpu(
      `WebGPU does not work${adapter === undefined ? "" : ` on ${adapter}`}: ${failure.message}`,
      failure,
    );
  }
}

/** @throws Failure `gpu.none`: such a model would load and fail at its first run. */
async function refuseF16Models(settings: WorkerSettings): Promise<void> {
  for (const id of settings.models) {
    const { dtype } = (await findModel(id, settings.modelDirectory)).manifest;
    if (dtype.webgpu.endsWith("f16") || dtype.webgpu === "fp16")
      throw noGpu(`the model ${id} needs 16-bit arithmetic (${dtype.webgpu}), which this GPU does not offer`);
  }
}

function noGpu(message: string, cause?: unknown): Failure<InferenceCode> {
  return new Failure<InferenceCode>("gpu.none", {
    message,
    hint: "install libvulkan1 and the GPU's Vulkan driver, or run with --neuron.device cpu",
    cause,
  });
}

const SELECTED = "webgpu:";

/** The adapters that may be used, best first; with one chosen, or some hidden, the loader is told to offer that alone. */
function offered(choice: string): Adapter[] | undefined {
  const all = listAdapters();
  if (all === undefined) {
    if (choice.startsWith(SELECTED))
      throw noGpu("adapters can be chosen only where Vulkan is: this system has one default adapter");
    return undefined;
  }
  const visible = visibleAdapters(all, process.env.CUDA_VISIBLE_DEVICES);
  if (choice.startsWith(SELECTED)) {
    const chosen = pickAdapter(visible, choice.slice(SELECTED.length));
    offerOnly(chosen);
    return [chosen];
  }
  if (visible.length < all.length && visible[0]?.isHardware) {
    offerOnly(visible[0]);
    return [visible[0]];
  }
  return visible;
}

/**
 * Device choice: see DeviceChoice. A renderer on the CPU is slower than the CPU itself: auto passes it over, and webgpu
 * takes it only where it, or its driver, is named.
 */
async function start(settings: WorkerSettings): Promise<Ready> {
  if (settings.device === "cpu") return await startOn({ kind: "cpu" }, settings);
  if (settings.device !== "auto") {
    const adapters = offered(settings.device);
    const best = adapters?.[0];
    if (adapters?.length === 0) throw noGpu("this machine has no GPU with a Vulkan driver");
    if (settings.device === "webgpu" && best?.isHardware === false && !hasNamedDrivers(process.env))
      throw new Failure<InferenceCode>("gpu.none", {
        message: `the only adapter, ${best.name}, is a renderer on the CPU`,
        hint: "run with --neuron.device cpu, or name it: --neuron.device webgpu:0",
      });
    return await startOnGpu(best?.name, settings);
  }
  try {
    const adapters = offered("auto");
    const best = adapters?.[0];
    if (adapters !== undefined && !best?.isHardware)
      return {
        ...(await startOn({ kind: "cpu" }, settings)),
        ...(best && { passedOver: `${best.name} is a renderer on the CPU` }),
      };
    return await startOnGpu(best?.name, settings);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code.startsWith("model.")) throw failure;
    return { ...(await startOn({ kind: "cpu" }, settings)), passedOver: failure.message };
  }
}

/**
 * The whole life of an inference process: reads ToWorker messages, sends FromWorker messages, and returns when it is
 * told to stop, when its parent is gone, or when the device is lost, which only a new process can mend.
 * @throws Error when the process was not started with an IPC channel.
 */
export async function runInferenceWorker(): Promise<void> {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error("inference-worker is started by openvalidator itself, not by hand");
  const answer = (message: FromWorker): void => {
    send(message);
  };
  const ended = Promise.withResolvers<void>();
  process.on("disconnect", ended.resolve);

  let ready: Ready | undefined;
  async function begin(settings: WorkerSettings): Promise<void> {
    try {
      ready = await start(settings);
      answer({ kind: "ready", device: ready.device, passedOver: ready.passedOver });
    } catch (error) {
      answer({ kind: "refused", failure: toMessage(failureOf(error)) });
    }
  }
  async function serve({ id, model, work }: WorkRequest): Promise<void> {
    try {
      if (ready === undefined) throw new Error("asked before it was started");
      answer({ kind: "done", id, ...(await compute(ready.models, model, work)) });
    } catch (error) {
      const failure = failureOf(error);
      answer({ kind: "failed", id, failure: toMessage(failure) });
      if (failure.code === "gpu.lost") ended.resolve();
    }
  }
  // One at a time: a device gains nothing from two batches at once, and memory stays bounded.
  let last: Promise<void> = Promise.resolve();
  process.on("message", (message: ToWorker) => {
    if (message.kind === "stop") return ended.resolve();
    last = last.then(() => (message.kind === "start" ? begin(message) : serve(message)));
  });
  await ended.promise;
}
