import { basename } from "node:path";
import { AutoTokenizer, env } from "@huggingface/transformers";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { type Batch, type BatchLimits, padBatch, planBatches } from "./batch.ts";
import { failureOf, type InferenceCode, isUnreadableModel } from "./failure.ts";
import type { ModelManifest } from "./manifest.ts";
import type { DeviceKind } from "./protocol.ts";
import { readVerified, type StoredModel, type VerifiedFiles } from "./store.ts";
import { BoundedTokenizer, type TokenRow } from "./tokens.ts";

const SESSION_OPTIONS = {
  // ONNX Runtime's own lines on standard error: errors only (3). Everything worse is thrown to us anyway.
  logSeverityLevel: 3,
  // Threads sleep instead of spinning between operators: a third less processor time, and on a machine that also runs
  // something else the same request ends sooner.
  extra: { session: { intra_op: { allow_spinning: "0" } } },
} as const;

const tokenizerSchema = z.object({
  added_tokens: z
    .array(z.object({ id: z.number().int(), content: z.string(), special: z.boolean() }))
    .default([]),
});

export type Outputs = Readonly<Record<string, Tensor>>;

export interface OpenOptions {
  limits: Record<DeviceKind, BatchLimits>;
  /** Changes the graph before it is compiled. */
  edit?(onnx: Uint8Array): Uint8Array;
}

/** What one batch needs besides ids, mask, types and positions, and what is done with its outputs. */
export interface BatchWork {
  inputs?(batch: Batch): Record<string, Tensor>;
  read(batch: Batch, outputs: Outputs): void;
}

/** A model's graph on one device, with its tokenizer. */
export class Graph {
  readonly tokenizer: BoundedTokenizer;
  readonly #session: InferenceSession;
  #limits: BatchLimits;

  private constructor(tokenizer: BoundedTokenizer, session: InferenceSession, limits: BatchLimits) {
    this.tokenizer = tokenizer;
    this.#session = session;
    this.#limits = limits;
  }

  /**
   * Checks the files and makes the session.
   * @throws Failure `model.missing`, `model.corrupt`, or one of `gpu.*` and `inference.failed`.
   */
  static async open(stored: StoredModel, device: DeviceKind, options: OpenOptions): Promise<Graph> {
    const { manifest } = stored;
    const files = await readVerified(stored, device);
    try {
      const tokenizer = await openTokenizer(manifest, files);
      const session = await openSession(manifest, files, device, options.edit);
      return new Graph(tokenizer, session, { ...options.limits[device], maxWidth: manifest.maxTokens });
    } catch (error) {
      throw failureOf(error);
    }
  }

  /**
   * Runs rows in batches of like length; a batch that is too much for the device's memory is halved, as are all later
   * ones.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async run(rows: readonly TokenRow[], { inputs, read }: BatchWork): Promise<void> {
    const waiting = planBatches(
      // Nothing at all cannot be run; a token that the mask hides can.
      rows.map(({ ids }) => Math.max(1, ids.length)),
      this.#limits,
    );
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      try {
        const feeds = { ...this.#feeds(rows, batch), ...inputs?.(batch) };
        read(batch, await this.#session.run(feeds));
      } catch (error) {
        const failure = failureOf(error);
        if (failure.code !== "gpu.memory" || batch.rows.length === 1) throw failure;
        const half = Math.ceil(batch.rows.length / 2);
        const { rows: numbers, width } = batch;
        waiting.unshift({ rows: numbers.slice(0, half), width }, { rows: numbers.slice(half), width });
        this.#limits = { ...this.#limits, maxTokens: Math.max(width, half * width) };
        log.warn("inference batch halved for want of memory", { maxTokens: this.#limits.maxTokens });
      }
    }
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  #feeds(rows: readonly TokenRow[], batch: Batch): Record<string, Tensor> {
    const shape = [batch.rows.length, batch.width];
    const ids = rows.map((row) => row.ids);
    const { inputIds, attentionMask } = padBatch(ids, batch);
    const feeds: Record<string, Tensor> = {};
    for (const input of this.#session.inputMetadata) {
      const { name } = input;
      if (name === "input_ids") feeds[name] = new Tensor("int64", inputIds, shape);
      else if (name === "attention_mask") feeds[name] = new Tensor("int64", attentionMask, shape);
      else if (name === "token_type_ids") feeds[name] = new Tensor("int64", padTypes(rows, batch), shape);
      else if (name === "position_ids") feeds[name] = new Tensor("int64", positions(batch), shape);
      else if (name.startsWith("past_key_values.") && input.isTensor)
        feeds[name] = emptyPast(input.type, input.shape, batch.rows.length);
    }
    return feeds;
  }
}

/** A batch's output as float32, of the expected size. */
export function numbersOf(outputs: Outputs, name: string, count: number): Float32Array {
  const data = outputs[name]?.data;
  const numbers = data instanceof Float16Array ? Float32Array.from(data) : data;
  if (numbers instanceof Float32Array && numbers.length === count) return numbers;
  throw new Failure<InferenceCode>("model.unsupported", {
    message: `the model gives no ${name} of the expected shape`,
  });
}

function padTypes(rows: readonly TokenRow[], { rows: numbers, width }: Batch): BigInt64Array {
  const types = new BigInt64Array(numbers.length * width);
  for (const [index, row] of numbers.entries())
    for (const [at, type] of (rows[row]!.types ?? []).entries()) types[index * width + at] = BigInt(type);
  return types;
}

/** Rows are padded at the end, so a token's position is its place. */
function positions({ rows, width }: Batch): BigInt64Array {
  return BigInt64Array.from({ length: rows.length * width }, (_, at) => BigInt(at % width));
}

/** Keys or values of no earlier token, [batch, heads, 0, size]. */
function emptyPast(type: Tensor.Type, shape: readonly (number | string)[], rows: number): Tensor {
  const sizes = shape.map((size, at) => (at === 0 ? rows : typeof size === "number" && size > 0 ? size : 0));
  return type === "float16"
    ? new Tensor("float16", new Uint16Array(0), sizes)
    : new Tensor("float32", new Float32Array(0), sizes);
}

async function openSession(
  manifest: ModelManifest,
  files: VerifiedFiles,
  device: DeviceKind,
  edit?: (onnx: Uint8Array) => Uint8Array,
): Promise<InferenceSession> {
  const weights = manifest.files.filter(({ path, dtype }) => files.has(path) && dtype !== undefined);
  const graph = weights.find(({ path }) => path.endsWith(".onnx"));
  if (graph === undefined)
    throw new Failure<InferenceCode>("model.corrupt", {
      message: `the manifest of ${manifest.id} names no .onnx file for ${manifest.dtype[device][0]}`,
    });
  const bytes = files.get(graph.path)!;
  try {
    return await InferenceSession.create(edit?.(bytes) ?? bytes, {
      ...SESSION_OPTIONS,
      executionProviders: [device],
      externalData: weights
        .filter((file) => file !== graph)
        .map(({ path }) => ({ path: basename(path), data: files.get(path)! })),
    });
  } catch (error) {
    if (!isUnreadableModel(messageOf(error))) throw error;
    throw unusable(graph.path, manifest.id, error);
  }
}

/** A file can have the locked hash and still be no model, when it was already none where it was locked. */
function unusable(path: string, id: string, cause: unknown): Failure<InferenceCode> {
  return new Failure<InferenceCode>("model.corrupt", {
    message: `the file ${path} of model ${id} cannot be used: ${messageOf(cause)}`,
    hint: "put the original file back",
    cause,
  });
}

async function openTokenizer(manifest: ModelManifest, files: VerifiedFiles): Promise<BoundedTokenizer> {
  serveFiles(manifest.id, files);
  try {
    const tokenizer = await AutoTokenizer.from_pretrained(manifest.id);
    const { added_tokens: added } = tokenizerSchema.parse(
      JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))),
    );
    return new BoundedTokenizer(tokenizer, added, tokenizer.unk_token, manifest.maxTokens);
  } catch (error) {
    throw unusable("tokenizer.json", manifest.id, error);
  } finally {
    env.customCache = NO_FILES;
  }
}

interface FileCache {
  match(key: string): Promise<Response | undefined>;
  put(): Promise<void>;
}

const NO_FILES: FileCache = { match: async () => undefined, put: async () => {} };

/**
 * Makes transformers.js read the given files and nothing else: no network, no file system, no cache of its own. It asks
 * the cache for `<localModelPath>/<id>/<file>` and for the file's address at the hub; either answers.
 */
function serveFiles(id: string, files: VerifiedFiles): void {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  // transformers.js insists on a path; this one cannot exist, a file name has no NUL.
  env.localModelPath = "/openvalidator\0/";
  env.useFSCache = false;
  env.useBrowserCache = false;
  env.useCustomCache = true;
  const cache: FileCache = {
    match: async (key) => {
      const local = key.startsWith(`${env.localModelPath}${id}/`)
        ? key.slice(`${env.localModelPath}${id}/`.length)
        : undefined;
      const name = local ?? /\/resolve\/[^/]+\/(.+)$/.exec(key)?.[1];
      const bytes = name === undefined ? undefined : files.get(name);
      return bytes && new Response(bytes);
    },
    put: NO_FILES.put,
  };
  env.customCache = cache;
}
