import { Failure } from "../../base/error.ts";
import type { DeviceKind, ModelManifest } from "../../models/manifest.ts";
import type { StoredModel } from "../../models/model-files.ts";
import type { InferenceCode } from "../failure.ts";
import { type BatchLimits, type Pooling, pool } from "./batches.ts";
import { editGraph, type GraphEdit } from "./edit.ts";
import { Graph, numbersOf } from "./graph.ts";
import { GraphModel, type LoadOptions } from "./graph-model.ts";
import { unpackMatrices } from "./unpacked.ts";
import { appendOrderProbe, DISORDER, meanDisorder } from "./word-order.ts";
import { findWordStarts } from "./word-starts.ts";

type Embedding = NonNullable<ModelManifest["embedding"]>;

/** 128 MiB, the largest buffer that every WebGPU device binds, for the scores of 16 heads in 32 bits. */
export const MAX_SCORES = 2 ** 21;

/**
 * Most tokens of one run. 512 fill two cores; with 2048, what passes between the layers of a model in 32-bit floats leaves
 * the processor's cache, and each token takes a fifth longer. A GPU needs more to be busy.
 */
export const BATCH_LIMITS: Record<DeviceKind, BatchLimits> = {
  cpu: { maxTokens: 512, widthStep: 8 },
  webgpu: { maxTokens: 8192, maxScores: MAX_SCORES, widthStep: 32 },
};

/** An encoder of texts on one device. */
export class Encoder extends GraphModel {
  readonly dimensions: number;
  readonly #pooling: Pooling;
  readonly #hasWindows: boolean;
  /** Which tokens begin a word; undefined where nothing tells of their order. */
  readonly #isWordStart: ((id: number) => boolean) | undefined;

  private constructor(
    graph: Graph,
    { dimensions, windows = false, order: _, ...pooling }: Embedding,
    isWordStart: ((id: number) => boolean) | undefined,
  ) {
    super(graph);
    this.dimensions = dimensions;
    this.#pooling = pooling;
    this.#hasWindows = windows;
    this.#isWordStart = isWordStart;
  }

  /** @throws Failure `model.unsupported` for a model without an embedding, and as Graph.open(). */
  static async load(stored: StoredModel, device: DeviceKind, options: LoadOptions = {}): Promise<Encoder> {
    const { id, embedding } = stored.manifest;
    if (embedding === undefined)
      throw new Failure<InferenceCode>("model.unsupported", {
        message: `${id} does not turn texts into vectors`,
      });
    const { order } = embedding;
    const edits: GraphEdit[] = [
      ...(order === undefined ? [] : [appendOrderProbe(order)]),
      ...(device === "cpu" ? [unpackMatrices] : []),
    ];
    const graph = await Graph.open(stored, device, {
      limits: BATCH_LIMITS,
      ...options,
      edit: (onnx) => editGraph(onnx, edits),
    });
    const isStart = order && findWordStarts(await Bun.file(stored.pathOf("tokenizer.json")).bytes());
    return new Encoder(graph, embedding, isStart);
  }

  /**
   * @returns one vector per text, in a flat array [texts, dimensions], scaled to length 1 where the manifest says so; for
   * a text of several windows the mean of their vectors. Beside it, where the model has a probe for it, how likely the
   * words of each text are not in their order, 0..1.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async embed(texts: readonly string[]): Promise<{ vectors: Float32Array; disorder?: Float32Array }> {
    const { tokenizer } = this.graph;
    const windows = texts.map((text) =>
      this.#hasWindows ? tokenizer.encodeWindows(text) : [tokenizer.encode(text)],
    );
    const owners = windows.flatMap((list, text) => list.map(() => text));
    const rows = windows.flat().map((ids) => ({ ids }));
    const size = this.dimensions;
    const vectors = new Float32Array(texts.length * size);
    const vector = new Float32Array(size);
    const isStart = this.#isWordStart;
    const disorder = isStart && new Float32Array(texts.length);
    await this.graph.run(rows, {
      outputs: ["last_hidden_state", ...(isStart ? [DISORDER] : [])],
      read: ({ count, width, places }, outputs) => {
        const hidden = numbersOf(outputs, "last_hidden_state", count * width * size);
        const told = isStart && numbersOf(outputs, DISORDER, count * width);
        for (const { row, index } of places) {
          pool(hidden, { row: index, width, length: rows[row]!.ids.length }, this.#pooling, vector);
          const text = owners[row]!;
          for (const [at, number] of vector.entries())
            vectors[text * size + at]! += number / windows[text]!.length;
          if (told !== undefined && isStart !== undefined)
            disorder![text]! +=
              meanDisorder(told, width, { index, ids: rows[row]!.ids, isStart }) / windows[text]!.length;
        }
      },
    });
    return disorder === undefined ? { vectors } : { vectors, disorder };
  }
}
