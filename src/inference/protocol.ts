import type { FailureMessage } from "./failure.ts";
import type { TemplatePart } from "./tokens.ts";

/**
 * What the operator asked for; `auto` takes a hardware GPU that works, and the CPU otherwise. `webgpu:1` and
 * `webgpu:NAME` choose an adapter of listAdapters.
 */
export type DeviceChoice = "auto" | "webgpu" | "cpu" | `webgpu:${string}`;
export type DeviceKind = "webgpu" | "cpu";

export interface Device {
  kind: DeviceKind;
  /** Name of the GPU, where the driver tells it. */
  adapter?: string;
  /** Whether WebGPU computed in 16-bit floats when it was tried. */
  f16?: boolean;
}

export interface WorkerSettings {
  device: DeviceChoice;
  /** Models to load before the worker is ready; the first is tried out on the device. */
  models: string[];
  /** Folder with further models, one folder each with a manifest.json. */
  modelDirectory?: string;
}

/** One input of a classifier; texts in it are a stranger's but for the parts of a template that are ours. */
export type ClassifierInput =
  /** Two texts in the model's own frame for pairs, cut longest first. */
  | { pair: [first: string, second: string] }
  /** Parts in a row. */
  | { template: TemplatePart[] }
  /** A text of any length, in pieces of the model's limit: one row of logits for each. */
  | { pieces: string };

/** A text and what follows it. */
export interface Continuation {
  prompt: string;
  completion: string;
}

export type Work =
  | { kind: "embed"; texts: string[] }
  | { kind: "classify"; inputs: ClassifierInput[] }
  | { kind: "log-prob"; pairs: Continuation[]; penalty: number }
  | { kind: "digits"; prompts: TemplatePart[][] };

export interface WorkRequest {
  id: number;
  model: string;
  work: Work;
}

/** Numbers in rows of `width`; input i has the next `counts[i]` rows. */
export interface Computed {
  values: Float32Array;
  width: number;
  counts: number[];
}

export type ToWorker =
  | ({ kind: "start" } & WorkerSettings)
  | ({ kind: "work" } & WorkRequest)
  | { kind: "stop" };

export type FromWorker =
  /** `passedOver`: why a GPU that is there is not used. */
  | { kind: "ready"; device: Device; passedOver?: string }
  | { kind: "refused"; failure: FailureMessage }
  | ({ kind: "done"; id: number } & Computed)
  | { kind: "failed"; id: number; failure: FailureMessage };
