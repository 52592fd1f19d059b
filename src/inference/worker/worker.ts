import { Failure } from "../../base/error.ts";
import { type Adapter, listAdapters } from "../adapters.ts";
import { failureOf, type InferenceCode, toMessage } from "../failure.ts";
import type { Device, FromWorker, LeftOut, ToWorker, WorkerSettings, WorkRequest } from "../protocol.ts";
import { hasNamedDrivers, offerOnly, pickAdapter, visibleAdapters } from "./adapter-choice.ts";
import { LoadedModels, type LoadedModelsOptions } from "./loading.ts";
import { availableMemoryBytes } from "./memory.ts";

/** Part of a device's memory that weights may take; the rest is for the numbers in between, and for others. */
const MEMORY_SHARE = 0.8;

interface Ready {
  models: LoadedModels;
  device: Device;
  leftOut: LeftOut[];
  /** Why a GPU that is there is not used. */
  passedOver?: string;
}

type Start = WorkerSettings & Pick<LoadedModelsOptions, "onReading" | "onProgress" | "onModel">;

/** @param memoryBytes of the device; 0 where nobody tells */
async function startOn(device: Device, memoryBytes: number, settings: Start): Promise<Ready> {
  const budget = settings.memoryBytes ?? (memoryBytes > 0 ? memoryBytes * MEMORY_SHARE : Infinity);
  const models = new LoadedModels(device, {
    directory: settings.modelDirectory,
    memoryBytes: budget,
    ...(settings.profileInto !== undefined && { profileInto: settings.profileInto }),
    onReading: settings.onReading,
    onProgress: settings.onProgress,
    onModel: settings.onModel,
  });
  const leftOut = await models.load(settings.models);
  return { models, device, leftOut };
}

async function startOnCpu(settings: Start): Promise<Ready> {
  return await startOn({ kind: "cpu" }, availableMemoryBytes(), settings);
}

async function startOnGpu(adapter: Adapter | undefined, settings: Start): Promise<Ready> {
  try {
    // Loads ONNX Runtime, so not with this file.
    const f16 = await (await import("./f16.ts")).hasWorkingF16();
    const device: Device = { kind: "webgpu", adapter: adapter?.name, f16 };
    return await startOn(device, adapter?.memoryBytes ?? 0, settings);
  } catch (error) {
    const failure = failureOf(error);
    // A driver without WebGPU's needs ends up here: "Failed to get a WebGPU adapter" and the like.
    if (failure.code !== "inference.failed") throw failure;
    throw noGpu(
      `WebGPU does not work${adapter === undefined ? "" : ` on ${adapter.name}`}: ${failure.message}`,
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
async function start(settings: Start): Promise<Ready> {
  if (settings.device === "cpu") return await startOnCpu(settings);
  if (settings.device !== "auto") {
    const adapters = offered(settings.device);
    const best = adapters?.[0];
    if (adapters?.length === 0) throw noGpu("this machine has no GPU with a Vulkan driver");
    if (settings.device === "webgpu" && best?.isHardware === false && !hasNamedDrivers(process.env))
      throw new Failure<InferenceCode>("gpu.none", {
        message: `the only adapter, ${best.name}, is a renderer on the CPU`,
        hint: "run with --neuron.device cpu, or name it: --neuron.device webgpu:0",
      });
    return await startOnGpu(best, settings);
  }
  try {
    const adapters = offered("auto");
    const best = adapters?.[0];
    if (adapters !== undefined && !best?.isHardware)
      return {
        ...(await startOnCpu(settings)),
        ...(best && { passedOver: `${best.name} is a renderer on the CPU` }),
      };
    return await startOnGpu(best, settings);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code.startsWith("model.")) throw failure;
    return { ...(await startOnCpu(settings)), passedOver: failure.message };
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
      ready = await start({
        ...settings,
        // Said before, for nothing can be said during it.
        onReading: (model) => answer({ kind: "reading", model }),
        onProgress: () => answer({ kind: "alive" }),
        onModel: (report) => answer({ kind: "model", report }),
      });
      const { device, passedOver, leftOut } = ready;
      answer({ kind: "ready", device, passedOver, leftOut });
    } catch (error) {
      answer({ kind: "refused", failure: toMessage(failureOf(error)) });
    }
  }
  async function serve({ id, model, work }: WorkRequest): Promise<void> {
    try {
      if (ready === undefined) throw new Error("asked before it was started");
      answer({ kind: "done", id, ...(await ready.models.compute(model, work)) });
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
