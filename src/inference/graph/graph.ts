import type { InferenceSession, Tensor } from "onnxruntime-node";
import { Failure } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { DeviceKind, Dtype } from "../../models/manifest.ts";
import { readVerified, type StoredModel } from "../../models/model-files.ts";
import { failureOf, type InferenceCode } from "../failure.ts";
import type { PlacedNode } from "../protocol.ts";
import { type Batch, type BatchLimits, planBatches } from "./batches.ts";
import { cacheFeeds, rowFeeds } from "./feeds.ts";
import { graphOf, sharesScale } from "./graph-file.ts";
import { endProfile } from "./placed-nodes.ts";
import { groupByPrefix, LEAST_SAVED_TOKENS, type PrefixGroup } from "./prefix.ts";
import { type BatchWork, type Copies, equalRows, type GraphRow, type Outputs } from "./rows.ts";
import { openSession, type SessionOptions } from "./session.ts";
import { cacheOutputs } from "./shared-past.ts";
import { openTokenizer } from "./tokenizer.ts";
import type { BoundedTokenizer } from "./tokens.ts";

/** A run that fails is thrown to us, so the runtime need not print why as well. */
const RUN_OPTIONS = { logSeverityLevel: 4 } as const;

/** What is told while a model works. */
export interface GraphHooks {
  /** Before each text that the tokenizer reads, and before the tokenizer itself is made: either may never end. */
  onReading?(): void;
  /** Nothing is read any more, or a batch was computed. */
  onProgress?(): void;
}

export interface OpenOptions extends GraphHooks, SessionOptions {
  limits: Record<DeviceKind, BatchLimits>;
  /**
   * Padding is shown to the model as if it were text. What stands at the end of a row changes nothing before it in a
   * causal model, and ONNX Runtime's GroupQueryAttention takes hidden tokens for the beginning of the row.
   */
  showsPadding?: boolean;
}

/** Keys and values of tokens that several rows begin with. */
interface Prefix {
  length: number;
  cache: Record<string, Tensor>;
}

interface Sharing {
  /** Fewest tokens that a prefix has to save. */
  leastSaved: number;
  /** Rows that can go on from a prefix in one run. ONNX Runtime's GroupQueryAttention takes a single one. */
  maxRows: number;
}

/**
 * A model's numbers with and without a shared prefix differ by less than this part of the largest one. With activations in
 * steps of 8 bits another last bit of a sum becomes a step here and there, so that numbers move by the form's own error.
 */
const SHARING_TOLERANCE = { q8: 0.1, others: 5e-3 } as const;

/** A model's graph on one device, with its tokenizer. */
export class Graph {
  readonly tokenizer: BoundedTokenizer;
  readonly #session: InferenceSession;
  readonly #showsPadding: boolean;
  readonly #sharingTolerance: number;
  readonly #profileInto: string | undefined;
  /** The output that each past input takes; undefined for a graph whose rows cannot share a prefix. */
  readonly #cached: ReadonlyMap<string, string> | undefined;
  readonly #onProgress: () => void;
  #limits: BatchLimits;
  /** How rows share a prefix; undefined where they cannot. */
  #sharing: Sharing | undefined;
  /** Prefixes that were computed. */
  #prefixes = 0;

  private constructor(
    tokenizer: BoundedTokenizer,
    session: InferenceSession,
    limits: BatchLimits,
    {
      showsPadding,
      dtype,
      profileInto,
      onProgress,
    }: Omit<OpenOptions, "limits" | "edit"> & { dtype?: Dtype },
  ) {
    this.tokenizer = tokenizer;
    this.#session = session;
    this.#showsPadding = showsPadding ?? false;
    this.#profileInto = profileInto;
    this.#onProgress = onProgress ?? (() => undefined);
    this.#sharingTolerance = SHARING_TOLERANCE[dtype === "q8" ? "q8" : "others"];
    this.#cached = cacheOutputs(session.inputNames, session.outputNames);
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
      const tokenizer = await openTokenizer(manifest, files, options.onReading);
      options.onProgress?.();
      const session = await openSession(stored, files, device, options);
      const limits = {
        ...options.limits[device],
        maxWidth: manifest.maxTokens,
        ...(sharesScale(graphOf(manifest, files, device).bytes) && { maxRows: 1 }),
      };
      const [dtype] = manifest.dtype[device];
      return new Graph(tokenizer, session, limits, { ...options, ...(dtype && { dtype }) });
    } catch (error) {
      throw failureOf(error);
    }
  }

  /**
   * Lets rows share what they begin with, where that gives the numbers that it should: not every export can go on from
   * a cache with several tokens at once, and some only with one row.
   * @param compute runs some rows that begin alike and returns what is read of them.
   * @throws Failure `gpu.lost`, and what compute() throws without a prefix.
   */
  async trySharing(compute: () => Promise<Float32Array>): Promise<void> {
    if (this.#cached === undefined) return;
    const whole = await compute();
    const reasons: string[] = [];
    for (const maxRows of [Number.POSITIVE_INFINITY, 1]) {
      this.#sharing = { leastSaved: 1, maxRows };
      const reason = await this.#whyNotShared(compute, whole);
      this.#sharing = reason === undefined ? { leastSaved: LEAST_SAVED_TOKENS, maxRows } : undefined;
      if (reason === undefined) return;
      reasons.push(reason);
    }
    log.warn("a model cannot go on from a shared prefix", { reasons });
  }

  async #whyNotShared(
    compute: () => Promise<Float32Array>,
    whole: Float32Array,
  ): Promise<string | undefined> {
    const before = this.#prefixes;
    try {
      const shared = await compute();
      // A model whose limit leaves no room for a trial goes without.
      if (this.#prefixes === before) return "there is no room for a trial";
      const largest = whole.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
      const off = shared
        .map((number, at) => Math.abs(number - whole[at]!))
        .reduce((a, b) => Math.max(a, b), 0);
      return off <= this.#sharingTolerance * largest
        ? undefined
        : `its numbers change by ${((100 * off) / largest).toPrecision(2)} %`;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === "gpu.lost") throw failure;
      return failure.message;
    }
  }

  /** Where each node ran so far, of a graph that was opened to tell. */
  placedNodes(): PlacedNode[] {
    return this.#profileInto === undefined ? [] : endProfile(this.#session, this.#profileInto);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /**
   * Runs rows in batches of like length. What many rows begin with is computed once, where the graph has a cache for it
   * and it pays; so is a row that is there several times. A batch that is too much for the device's memory is halved, as
   * are all later ones.
   * @throws Failure `model.unsupported` for an output that the model does not give, `gpu.*` or `inference.failed`.
   */
  async run(rows: readonly GraphRow[], work: BatchWork): Promise<void> {
    this.#onProgress();
    for (const name of work.outputs) if (!this.#session.outputNames.includes(name)) throw noOutput(name);
    const copies = equalRows(rows);
    for (const group of this.#groups(rows, [...copies.keys()])) {
      const left = group.length > 0 ? await this.#runShared(rows, copies, group, work) : group.rows;
      if (left.length > 0) await this.#runBatches(rows, copies, left, work);
    }
  }

  #groups(rows: readonly GraphRow[], distinct: number[]): PrefixGroup[] {
    if (this.#sharing === undefined) return [{ rows: distinct, length: 0 }];
    const lists = distinct.map((row) => rows[row]!.ids);
    // A row keeps a token of its own: there is nothing to run otherwise.
    const limits = distinct.map((row) => Math.min(rows[row]!.unread ?? 0, rows[row]!.ids.length - 1));
    return groupByPrefix(lists, limits, {
      step: this.#limits.widthStep,
      leastSaved: this.#sharing.leastSaved,
    }).map((group) => ({ ...group, rows: group.rows.map((at) => distinct[at]!) }));
  }

  /** @returns rows for which there was no memory beside the prefix. */
  async #runShared(
    rows: readonly GraphRow[],
    copies: Copies,
    group: PrefixGroup,
    work: BatchWork,
  ): Promise<number[]> {
    let cache: Record<string, Tensor> | undefined;
    try {
      cache = await this.#cachePrefix(rows, group, work);
      return await this.#runBatches(rows, copies, group.rows, work, { length: group.length, cache });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code !== "gpu.memory" || cache !== undefined) throw failure;
      log.warn("no memory for a shared prefix", { tokens: group.length });
      return group.rows;
    } finally {
      for (const tensor of Object.values(cache ?? {})) tensor.dispose();
    }
  }

  /** @returns the past inputs of rows that go on from these tokens. */
  async #cachePrefix(
    rows: readonly GraphRow[],
    { rows: [row], length }: PrefixGroup,
    { inputs }: BatchWork,
  ): Promise<Record<string, Tensor>> {
    const { inputMetadata } = this.#session;
    const ids = rows[row!]!.ids.slice(0, length);
    this.#prefixes++;
    const feeds = {
      ...rowFeeds(inputMetadata, [{ ids }], { rows: [0], width: ids.length }, { offset: 0 }),
      ...cacheFeeds(inputMetadata, 1),
      ...inputs?.([row!]),
    };
    const outputs = await this.#session.run(feeds, [...this.#cached!.values()], RUN_OPTIONS);
    return Object.fromEntries([...this.#cached!].map(([input, output]) => [input, outputs[output]!]));
  }

  /** @returns rows for which, one by one, there was no memory beside the prefix. */
  async #runBatches(
    rows: readonly GraphRow[],
    copies: Copies,
    mine: readonly number[],
    work: BatchWork,
    prefix?: Prefix,
  ): Promise<number[]> {
    const offset = prefix?.length ?? 0;
    const own = mine.map((row) => ({ ...rows[row]!, ids: rows[row]!.ids.slice(offset) }));
    const { inputMetadata } = this.#session;
    const waiting = planBatches(
      // Nothing at all cannot be run; a token that the mask hides can.
      own.map(({ ids }) => Math.max(1, ids.length)),
      {
        ...this.#limits,
        prefix: offset,
        maxRows: Math.min(this.#limits.maxRows ?? Infinity, (prefix && this.#sharing?.maxRows) ?? Infinity),
      },
    );
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      const places = batch.rows.flatMap((at, index) => copies.get(mine[at]!)!.map((row) => ({ row, index })));
      const count = batch.rows.length;
      try {
        const feeds = {
          ...rowFeeds(inputMetadata, own, batch, { offset, showsPadding: this.#showsPadding }),
          ...(prefix?.cache ?? cacheFeeds(inputMetadata, count)),
          ...work.inputs?.(places.map(({ row }) => row)),
        };
        const outputs = await this.#session.run(feeds, [...work.outputs], RUN_OPTIONS);
        work.read({ count, width: batch.width, places, offset }, outputs);
        this.#onProgress();
      } catch (error) {
        const failure = failureOf(error);
        if (failure.code !== "gpu.memory") throw failure;
        if (count === 1 && prefix === undefined) throw failure;
        if (count === 1) return [batch, ...waiting].flatMap((left) => left.rows.map((at) => mine[at]!));
        waiting.unshift(...this.#halve(batch));
      }
    }
    return [];
  }

  #halve({ rows, width }: Batch): Batch[] {
    const half = Math.ceil(rows.length / 2);
    this.#limits = { ...this.#limits, maxTokens: Math.max(width, half * width) };
    log.warn("inference batch halved for want of memory", { maxTokens: this.#limits.maxTokens });
    return [
      { rows: rows.slice(0, half), width },
      { rows: rows.slice(half), width },
    ];
  }
}

/** A batch's output as float32, of the expected size. */
export function numbersOf(outputs: Outputs, name: string, count: number): Float32Array {
  const data = outputs[name]?.data;
  const numbers = data instanceof Float16Array ? Float32Array.from(data) : data;
  if (numbers instanceof Float32Array && numbers.length === count) return numbers;
  throw noOutput(name);
}

function noOutput(name: string): Failure<InferenceCode> {
  return new Failure<InferenceCode>("model.unsupported", {
    message: `the model gives no ${name} of the expected shape`,
  });
}
