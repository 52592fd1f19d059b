import { Failure } from "../base/error.ts";
import type { ModelCode } from "../models/failure.ts";

export type InferenceCode =
  | ModelCode
  /** No adapter can run WebGPU. */
  | "gpu.none"
  /** The driver lost the device; the worker is started anew. */
  | "gpu.lost"
  /** The device, or the machine, is out of memory even for the smallest batch. */
  | "gpu.memory"
  /** Built for a platform that the runtime has no library for. */
  | "inference.none"
  /** The runtime refused a computation. */
  | "inference.failed"
  /** The device gives other numbers than the model's manifest has. */
  | "inference.wrong-numbers"
  /** A request, or the start of the worker, took too long. */
  | "inference.late"
  /** The worker died twice over the same request, or does not start. */
  | "inference.crashed"
  /** stop() was called. */
  | "inference.stopped";

/** A failure as it travels between the processes. */
export interface FailureMessage {
  code: InferenceCode;
  message: string;
  hint?: string;
}

function isLostDevice(text: string): boolean {
  return /device (?:is |was )?lost|DEVICE_LOST|lost device/i.test(text);
}

function isOutOfMemory(text: string): boolean {
  return /out of (?:device |host )?memory|OUT_OF_(?:DEVICE|HOST)_MEMORY|failed to allocate|bad_alloc/i.test(
    text,
  );
}

/** What ONNX Runtime says of bytes that are no model, or a model that contradicts itself. */
export function isUnreadableModel(text: string): boolean {
  return /protobuf parsing failed|INVALID_PROTOBUF|INVALID_GRAPH|does not have a graph|no graph was found|ShapeInferenceError|TypeInferenceError|invalid model|invalid graph/i.test(
    text,
  );
}

/** Names what the runtime threw, by the words of its message: ONNX Runtime gives no codes for these. */
export function failureOf(error: unknown): Failure<InferenceCode> {
  if (error instanceof Failure) return error as Failure<InferenceCode>;
  const text = error instanceof Error ? error.message : String(error);
  if (isLostDevice(text))
    return new Failure<InferenceCode>("gpu.lost", {
      message: `the GPU was lost: ${text}`,
      cause: error,
      retry: "soon",
    });
  if (isOutOfMemory(text))
    return new Failure<InferenceCode>("gpu.memory", {
      message: `inference ran out of memory: ${text}`,
      hint: "free memory of the GPU, or run with --neuron.device cpu",
      cause: error,
      retry: "soon",
    });
  return new Failure<InferenceCode>("inference.failed", {
    message: `inference failed: ${text}`,
    cause: error,
  });
}

export function toMessage(failure: Failure<InferenceCode>): FailureMessage {
  return { code: failure.code, message: failure.message, hint: failure.hint };
}

export function fromMessage({ code, message, hint }: FailureMessage): Failure<InferenceCode> {
  const isPassing = code === "gpu.lost" || code === "gpu.memory";
  return new Failure<InferenceCode>(code, { message, hint, retry: isPassing ? "soon" : "no" });
}
