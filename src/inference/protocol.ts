import type { DeviceChoice } from "../config/kinds.ts";
import type { DeviceKind, Dtype } from "../models/manifest.ts";
import type { FailureMessage } from "./failure.ts";
import type { TemplatePart } from "./graph/tokens.ts";

export interface Device {
  kind: DeviceKind;
  /** Name of the GPU, where the driver tells it. */
  adapter?: string;
  /** Whether WebGPU computed in 16-bit floats when it was tried. */
  f16?: boolean;
}

/** A role's own choice for each kind of device, in place of the manifest's preference. */
export type WantedDtypes = Partial<Record<DeviceKind, Dtype>>;

/** A model that a worker is to load. */
export interface ModelOrder {
  id: string;
  /** In place of the manifest's preference. */
  dtypes?: WantedDtypes;
  /** Given up when memory is short, the last of the list first. */
  isOptional?: boolean;
  /** Not loaded before it is asked for: another device has it, as long as it can. */
  isDeferred?: boolean;
}

export interface WorkerSettings {
  device: DeviceChoice;
  /** Loaded and tried out in this order before the worker is ready. */
  models: ModelOrder[];
  /** Folder with further models, one folder each with a manifest.json. */
  modelDirectory?: string;
  /** Most bytes of weights on the device; 80 % of its memory unless given. */
  memoryBytes?: number;
  /** An empty folder, for a worker that is asked for nothing but where the nodes of its models run. */
  profileInto?: string;
}

/** A node of a graph as it runs, after the runtime has joined what it could. */
export interface PlacedNode {
  /** Name of its operator. */
  kind: string;
  /** Of the runtime's part that runs it: "cpu", "webgpu". */
  device: string;
}

/** A model that a worker has loaded, or has run for the first time. */
export interface ModelReport {
  id: string;
  state: "loaded" | "tried";
  device: Device;
  dtype: Dtype;
  /** Size of its weights. */
  bytes: number;
  /** Of the first file of its weights. */
  sha256: string;
  /** How long it took. */
  ms: number;
  /** One sentence about the trial. */
  detail: string | null;
  /** Of one that was tried in a worker that tells. */
  nodes?: PlacedNode[];
}

/** A model that is not loaded, and why. */
export interface LeftOut {
  id: string;
  failure: FailureMessage;
}

/** One input of a classifier; texts in it are a stranger's but for the parts of a template that are ours. */
export type ClassifierInput =
  /** Two texts in the form that the model was trained on (its manifest's, else its tokenizer's), cut longest first. */
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
  /** One per text of `embed`, 0..1, where the encoder tells: how likely its words are not in their order. */
  disorder?: Float32Array | undefined;
}

export type ToWorker =
  | ({ kind: "start" } & WorkerSettings)
  | ({ kind: "work" } & WorkRequest)
  | { kind: "stop" };

export type FromWorker =
  /** A text is about to be read, which takes a moment unless its model's tokenizer never ends. */
  | { kind: "reading"; model: string }
  /** Texts are read, or a batch is computed; there is more to do. */
  | { kind: "alive" }
  /** A step in loading a model is done; there is more to do. */
  | { kind: "model"; report: ModelReport }
  /** `passedOver`: why a GPU that is there is not used. `leftOut`: models that do not fit or work on the device. */
  | { kind: "ready"; device: Device; passedOver?: string; leftOut: LeftOut[] }
  | { kind: "refused"; failure: FailureMessage }
  /** `shed`: optional models that were given up to make room for this work. */
  | ({ kind: "done"; id: number; shed: string[] } & Computed)
  | { kind: "failed"; id: number; failure: FailureMessage };
