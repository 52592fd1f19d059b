import type { FailureMessage } from "./failure.ts";

/** What the operator asked for; `auto` takes a hardware GPU that works, and the CPU otherwise. */
export type DeviceChoice = "auto" | "webgpu" | "cpu";
export type DeviceKind = "webgpu" | "cpu";

export interface Device {
  kind: DeviceKind;
  /** Name of the GPU, where the driver tells it. */
  adapter?: string;
}

export interface WorkerSettings {
  device: DeviceChoice;
  /** Models to load before the worker is ready; the first is tried out on the device. */
  models: string[];
  /** Folder with further models, one folder each with a manifest.json. */
  modelDirectory?: string;
}

export interface EmbedRequest {
  id: number;
  model: string;
  texts: string[];
}

export type ToWorker =
  | ({ kind: "start" } & WorkerSettings)
  | ({ kind: "embed" } & EmbedRequest)
  | { kind: "stop" };

export type FromWorker =
  /** `passedOver`: why a GPU that is there is not used. */
  | { kind: "ready"; device: Device; passedOver?: string }
  | { kind: "refused"; failure: FailureMessage }
  /** Row i of `vectors` [texts, dimensions] belongs to text i. */
  | { kind: "embedded"; id: number; vectors: Float32Array; dimensions: number }
  | { kind: "failed"; id: number; failure: FailureMessage };
