import { Failure } from "../base/error.ts";
import { listAdapters } from "./adapters.ts";
import type { Encoder } from "./encoder.ts";
import { failureOf, type InferenceCode, toMessage } from "./failure.ts";
import type { Device, DeviceKind, EmbedRequest, FromWorker, ToWorker, WorkerSettings } from "./protocol.ts";
import { findModel } from "./store.ts";

/** Any text will do: it shows that the device can run the whole graph. */
const TRIAL_TEXT = "a trial of the device";

/** The models of one process on one device, loaded when they are first asked for. */
class LoadedModels {
  readonly #device: DeviceKind;
  readonly #directory: string | undefined;
  readonly #encoders = new Map<string, Encoder>();

  constructor(device: DeviceKind, directory: string | undefined) {
    this.#device = device;
    this.#directory = directory;
  }

  async encoder(id: string): Promise<Encoder> {
    const known = this.#encoders.get(id);
    if (known !== undefined) return known;
    // Loads ONNX Runtime. Here, and not with this file, so that a failure of that is an answer to the parent as well.
    const { Encoder } = await import("./encoder.ts");
    const encoder = await Encoder.load(await findModel(id, this.#directory), this.#device);
    this.#encoders.set(id, encoder);
    return encoder;
  }
}

interface Ready {
  models: LoadedModels;
  device: Device;
  /** Why a GPU that is there is not used. */
  passedOver?: string;
}

async function startOn(device: Device, settings: WorkerSettings): Promise<Ready> {
  const models = new LoadedModels(device.kind, settings.modelDirectory);
  for (const id of settings.models) await (await models.encoder(id)).embed([TRIAL_TEXT]);
  return { models, device };
}

async function startOnGpu(adapter: string | undefined, settings: WorkerSettings): Promise<Ready> {
  try {
    return await startOn({ kind: "webgpu", adapter }, settings);
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

function noGpu(message: string, cause?: unknown): Failure<InferenceCode> {
  return new Failure<InferenceCode>("gpu.none", {
    message,
    hint: "install libvulkan1 and the GPU's Vulkan driver, or run with --neuron.device cpu",
    cause,
  });
}

/** Device choice: see DeviceChoice. A renderer on the CPU is slower than the CPU itself, so auto passes it over. */
async function start(settings: WorkerSettings): Promise<Ready> {
  if (settings.device === "cpu") return await startOn({ kind: "cpu" }, settings);
  const adapters = listAdapters();
  const best = adapters?.[0];
  if (settings.device === "webgpu") {
    if (adapters?.length === 0) throw noGpu("this machine has no GPU with a Vulkan driver");
    return await startOnGpu(best?.name, settings);
  }
  if (adapters !== undefined && !best?.isHardware)
    return {
      ...(await startOn({ kind: "cpu" }, settings)),
      ...(best && { passedOver: `${best.name} is a renderer on the CPU` }),
    };
  try {
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
  async function embed({ id, model, texts }: EmbedRequest): Promise<void> {
    try {
      if (ready === undefined) throw new Error("asked before it was started");
      const encoder = await ready.models.encoder(model);
      const vectors = await encoder.embed(texts);
      answer({ kind: "embedded", id, vectors, dimensions: encoder.dimensions });
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
    last = last.then(() => (message.kind === "start" ? begin(message) : embed(message)));
  });
  await ended.promise;
}
