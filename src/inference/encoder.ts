import { AutoModel, AutoTokenizer, env, type PreTrainedModel, Tensor } from "@huggingface/transformers";
import { z } from "zod";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { type Batch, type BatchLimits, padBatch, planBatches, poolMean } from "./batch.ts";
import { failureOf, type InferenceCode } from "./failure.ts";
import type { DeviceKind } from "./protocol.ts";
import { readVerified, type StoredModel, type VerifiedFiles } from "./store.ts";
import { BoundedTokenizer } from "./tokens.ts";

const SESSION_OPTIONS = {
  // ONNX Runtime's own lines on standard error: errors only (3). Everything worse is thrown to us anyway.
  logSeverityLevel: 3,
  // Threads sleep instead of spinning between operators: a third less processor time, and on a machine that also runs
  // something else the same request ends sooner.
  extra: { session: { intra_op: { allow_spinning: "0" } } },
} as const;

/**
 * Most tokens of one run. 2048 fill two cores; twice as many are no faster. A GPU needs more to be busy; its limit keeps
 * the attention scores (tokens × width × 12 heads × 4 bytes, width up to 256) under 128 MiB, the largest buffer that
 * every WebGPU device binds.
 */
const BATCH_LIMITS: Record<DeviceKind, BatchLimits> = {
  cpu: { maxTokens: 2048, widthStep: 8 },
  webgpu: { maxTokens: 8192, widthStep: 32 },
};

const tokenizerSchema = z.object({
  added_tokens: z
    .array(z.object({ id: z.number().int(), content: z.string(), special: z.boolean() }))
    .default([]),
});

/** A sentence encoder on one device. */
export class Encoder {
  readonly dimensions: number;
  readonly #model: PreTrainedModel;
  readonly #tokenizer: BoundedTokenizer;
  #limits: BatchLimits;

  private constructor(
    dimensions: number,
    model: PreTrainedModel,
    tokenizer: BoundedTokenizer,
    limits: BatchLimits,
  ) {
    this.dimensions = dimensions;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#limits = limits;
  }

  /**
   * Checks the files and makes the session.
   * @throws Failure `model.missing`, `model.corrupt`, `model.unsupported`, or one of `gpu.*` and `inference.failed`.
   */
  static async load(stored: StoredModel, device: DeviceKind): Promise<Encoder> {
    const { manifest } = stored;
    if (manifest.embedding === undefined)
      throw new Failure<InferenceCode>("model.unsupported", {
        message: `${manifest.id} does not turn texts into vectors`,
      });
    const files = await readVerified(stored, device);
    serveFiles(manifest.id, files);
    try {
      const tokenizer = await AutoTokenizer.from_pretrained(manifest.id);
      const model = await AutoModel.from_pretrained(manifest.id, {
        device,
        dtype: manifest.dtype[device],
        session_options: SESSION_OPTIONS,
      });
      const { added_tokens: added } = tokenizerSchema.parse(
        JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))),
      );
      const bounded = new BoundedTokenizer(tokenizer, added, tokenizer.unk_token, manifest.maxTokens);
      return new Encoder(manifest.embedding.dimensions, model, bounded, BATCH_LIMITS[device]);
    } catch (error) {
      throw failureOf(error);
    } finally {
      env.customCache = NO_FILES;
    }
  }

  /**
   * @returns one L2-normalised vector per text, in a flat array [texts, dimensions].
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async embed(texts: readonly string[]): Promise<Float32Array> {
    const ids = texts.map((text) => this.#tokenizer.encode(text));
    const vectors = new Float32Array(texts.length * this.dimensions);
    const waiting = planBatches(
      ids.map(({ length }) => length),
      this.#limits,
    );
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      try {
        await this.#run(ids, batch, vectors);
      } catch (error) {
        const failure = failureOf(error);
        if (failure.code !== "gpu.memory" || batch.rows.length === 1) throw failure;
        // Too much at once: halve this batch, and all later ones.
        const half = Math.ceil(batch.rows.length / 2);
        const { rows, width } = batch;
        waiting.unshift({ rows: rows.slice(0, half), width }, { rows: rows.slice(half), width });
        this.#limits = { ...this.#limits, maxTokens: Math.max(width, half * width) };
        log.warn("inference batch halved for want of memory", { maxTokens: this.#limits.maxTokens });
      }
    }
    return vectors;
  }

  async #run(ids: readonly number[][], batch: Batch, vectors: Float32Array): Promise<void> {
    const { rows, width } = batch;
    const { inputIds, attentionMask } = padBatch(ids, batch);
    const shape = [rows.length, width];
    const output = await this.#model({
      input_ids: new Tensor("int64", inputIds, shape),
      attention_mask: new Tensor("int64", attentionMask, shape),
    });
    const hidden: unknown = output.last_hidden_state?.data;
    if (!(hidden instanceof Float32Array) || hidden.length !== rows.length * width * this.dimensions)
      throw new Failure<InferenceCode>("model.unsupported", {
        message: "the model gives no last_hidden_state of the expected shape",
      });
    for (const [index, row] of rows.entries()) {
      const into = vectors.subarray(row * this.dimensions, (row + 1) * this.dimensions);
      poolMean(hidden, index, width, ids[row]!.length, into);
    }
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
