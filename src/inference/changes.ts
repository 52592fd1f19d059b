import type { Device } from "./protocol.ts";

/**
 * loaded · tried (run once, on its golden numbers where its manifest has any) · shed (given up for memory) · moved (to
 * another device) · restarted (with its process) · lost (its process or device died) · left-out (the run goes on
 * without it).
 */
export type ModelState = "loaded" | "tried" | "shed" | "moved" | "restarted" | "lost" | "left-out";

/** What happened to a model; null where it is not known or means nothing. */
export interface ModelChange {
  model: string;
  state: ModelState;
  /** As deviceName() writes it; for `moved` the new one. */
  device: string | null;
  dtype: string | null;
  /** How long it took. */
  ms: number | null;
  /** Size of its weights. */
  bytes: number | null;
  /** One sentence: why, or the largest deviation from the golden numbers. */
  detail: string | null;
}

/** How long one request waited and was computed; both together are what the caller waited. */
export interface Served {
  model: string;
  /** Behind earlier requests, and for a process that was being started. */
  queueMs: number;
  /** In the process, and on the way there and back. */
  computeMs: number;
  /** Inputs: texts, pairs or prompts. */
  count: number;
}

/** A model that can be asked now. */
export interface RunningModel {
  id: string;
  device: string;
  dtype: string;
  /** Size of its weights. */
  bytes: number;
  /** Of the first file of its weights. */
  sha256: string;
}

/** Told of what happens; neither may throw. */
export interface InferenceObserver {
  onModel?(change: ModelChange): void;
  onServed?(served: Served): void;
}

/** As `--neuron.device` would name it: `cpu`, or `webgpu:` and the name of the adapter where the driver tells it. */
export function deviceName({ kind, adapter }: Device): string {
  return adapter === undefined ? kind : `${kind}:${adapter}`;
}
