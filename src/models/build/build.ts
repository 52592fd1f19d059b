import { join } from "node:path";
import type { Dtype, ModelManifest } from "../manifest.ts";
import { ELEMENT } from "../onnx/onnx.ts";
import { architectureOf } from "./architectures/architectures.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { BlockForm } from "./forms/blocks.ts";
import { FloatForm } from "./forms/float.ts";
import type { Form } from "./forms/form.ts";
import { Int8Form } from "./forms/int8.ts";
import { Graph } from "./graph/graph.ts";
import type { Head } from "./graph/heads.ts";
import { Layers } from "./graph/layers.ts";
import { Parameters, unsupported } from "./graph/parameters.ts";
import { type WriteOptions, type WrittenFile, writeGraph } from "./graph/writer.ts";

/** What a manifest says of a model, as far as its graph depends on it. */
export type BuildManifest = Pick<
  ModelManifest,
  "id" | "architecture" | "embedding" | "classification" | "language" | "maxTokens"
>;

export interface BuildOptions extends Omit<WriteOptions, "producer" | "onWeights"> {
  dtype: Dtype;
  /** Folder of the model; graphs go into its `onnx`. */
  into: string;
  /** Called with bytes of weights that are written, and all that there will be. */
  onProgress?(done: number, total: number): void;
}

/** Names that transformers.js and manifests give to the files of each form. */
const FILES: Readonly<Record<Dtype, string>> = {
  fp32: "model.onnx",
  fp16: "model_fp16.onnx",
  q8: "model_quantized.onnx",
  q4: "model_q4.onnx",
  q4f16: "model_q4f16.onnx",
};

const FORMS: Readonly<Record<Dtype, () => Form>> = {
  fp32: () => new FloatForm(),
  fp16: () => new FloatForm(ELEMENT.float16),
  q8: () => new Int8Form(),
  q4: () => new BlockForm(),
  q4f16: () => new BlockForm(ELEMENT.float16),
};

/**
 * Builds the graph of a model from its original weights and writes it in one form.
 * @returns the files written: the graph, and what is too large for it.
 * @throws Failure `model.unsupported` before anything is written, `model.corrupt` for weights that cannot be read; the
 * error of the file system; the signal's reason
 */
export async function buildModel(
  checkpoint: Checkpoint,
  manifest: BuildManifest,
  { dtype, into, onProgress, ...options }: BuildOptions,
): Promise<WrittenFile[]> {
  const graph = planGraph(checkpoint, manifest, dtype);
  const total = graph.weightBytes;
  let done = 0;
  return await writeGraph(graph, join(into, "onnx", FILES[dtype]), {
    ...options,
    producer: "openvalidator",
    onWeights: (bytes) => {
      done += bytes;
      onProgress?.(done, total);
    },
  });
}

/** The graph of a model, whose weights are not read yet. */
export function planGraph(checkpoint: Checkpoint, manifest: BuildManifest, dtype: Dtype): Graph {
  const { config } = checkpoint;
  if (config.model_type !== manifest.architecture)
    throw unsupported(
      `${manifest.id} is of the architecture ${manifest.architecture}, and the checkpoint's config.json says ${JSON.stringify(config.model_type)}`,
    );
  const architecture = architectureOf(config.model_type);
  const graph = new Graph();
  const parameters = new Parameters(checkpoint);
  const layers = new Layers(graph, FORMS[dtype](), parameters);
  architecture.build({ layers, config, head: headOf(manifest), maxTokens: manifest.maxTokens });
  parameters.refuseLeft(architecture.unused);
  return graph;
}

function headOf({ embedding, classification }: BuildManifest): Head {
  if (embedding !== undefined) return { kind: "hidden" };
  if (classification !== undefined) return { kind: "classes", labels: classification.labels.length };
  return { kind: "language" };
}
