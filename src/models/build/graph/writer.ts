import { createHash } from "node:crypto";
import { basename } from "node:path";
import { replaceFile } from "../../../base/atomic.ts";
import { GRAPH, MICROSOFT, MODEL, outsideTensor, TENSOR, tensorHead } from "../../onnx/onnx.ts";
import { fieldHead, Message } from "../../onnx/wire.ts";
import type { Graph, Weight } from "./graph.ts";

/** Operators of opset 18 and com.microsoft 1 have kernels for CPU and WebGPU in ONNX Runtime 1.30. */
const OPSET = 18;
const IR_VERSION = 8;
/**
 * Weights from which on they lie in a file of their own. A protobuf message cannot be longer than 2 GiB; but whoever changes a
 * graph before it runs copies it, and with it every weight that stands in it.
 */
const LARGEST_MESSAGE = 64_000_000;
/** Where tensors begin in a file of their own, so that a page of memory can be mapped to them. */
const ALIGNMENT = 4096;

export interface WriteOptions {
  producer: string;
  /** Bytes of weights from which on they lie beside the graph. */
  largestMessage?: number;
  /** Called with the bytes of weights written since the last call. */
  onWeights?(bytes: number): void;
  signal?: AbortSignal;
}

export interface WrittenFile {
  path: string;
  size: number;
  sha256: string;
}

/**
 * Writes a graph with its weights, which are never in memory together. A file appears when all of it is there.
 * @param path of the .onnx file; weights that are too much for it go into `<path>_data`, which appears first
 * @throws what reading the weights throws, the error of the file system, or the signal's reason
 */
export async function writeGraph(graph: Graph, path: string, options: WriteOptions): Promise<WrittenFile[]> {
  const { largestMessage = LARGEST_MESSAGE } = options;
  if (graph.weightBytes <= largestMessage) return [await write(path, wholeModel(graph, options))];
  const dataPath = `${path}_data`;
  const data = await write(dataPath, dataFile(graph.weights, options));
  const tensors = new Message();
  for (const { weight, offset } of placesOf(graph.weights)) {
    const head = tensorHead(weight.name, weight.shape, weight.element);
    tensors.message(GRAPH.initializer, outsideTensor(head, basename(dataPath), offset, weight.bytes));
  }
  const content = [graph.encode(), tensors.encode()];
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return [await write(path, [...modelHead(options), fieldHead(MODEL.graph, length), ...content]), data];
}

function modelHead({ producer }: WriteOptions): Uint8Array[] {
  const model = new Message()
    .integer(MODEL.irVersion, IR_VERSION)
    .text(MODEL.producer, producer)
    .message(MODEL.opset, new Message().integer(2, OPSET))
    .message(MODEL.opset, new Message().text(1, MICROSOFT).integer(2, 1));
  return [model.encode()];
}

async function* wholeModel(graph: Graph, options: WriteOptions): AsyncGenerator<Uint8Array> {
  const heads = graph.weights.map((weight) => {
    const head = tensorHead(weight.name, weight.shape, weight.element).encode();
    const content = fieldHead(TENSOR.content, weight.bytes);
    const field = fieldHead(GRAPH.initializer, head.length + content.length + weight.bytes);
    return { weight, parts: [field, head, content] };
  });
  const nodes = graph.encode();
  const length = heads.reduce(
    (sum, { weight, parts }) => sum + weight.bytes + parts.reduce((all, part) => all + part.length, 0),
    nodes.length,
  );
  yield* modelHead(options);
  yield fieldHead(MODEL.graph, length);
  yield nodes;
  for (const { weight, parts } of heads) {
    yield* parts;
    yield* contentOf(weight, options);
  }
}

async function* dataFile(weights: readonly Weight[], options: WriteOptions): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { weight, offset } of placesOf(weights)) {
    yield new Uint8Array(offset - at);
    yield* contentOf(weight, options);
    at = offset + weight.bytes;
  }
}

function placesOf(weights: readonly Weight[]): { weight: Weight; offset: number }[] {
  let at = 0;
  return weights.map((weight) => {
    const offset = Math.ceil(at / ALIGNMENT) * ALIGNMENT;
    at = offset + weight.bytes;
    return { weight, offset };
  });
}

/** @throws Error when a weight has other bytes than were said: all that follows would be in the wrong place */
async function* contentOf(weight: Weight, { onWeights, signal }: WriteOptions): AsyncGenerator<Uint8Array> {
  let left = weight.bytes;
  for await (const piece of weight.pieces()) {
    signal?.throwIfAborted();
    left -= piece.length;
    onWeights?.(piece.length);
    yield piece;
  }
  if (left !== 0)
    throw new Error(`${weight.name} has ${weight.bytes - left} bytes in place of ${weight.bytes}`);
}

async function write(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let size = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      hash.update(part);
      size += part.length;
      yield part;
    }
  };
  await replaceFile(path, counted());
  return { path, size, sha256: hash.digest("hex") };
}
