import { z } from "zod";
import { mapInTurns, turn } from "../../base/turn.ts";
import type { Memory, MemoryChanges, Question, RowChanges } from "../../base/vocabulary.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import { cosine } from "../cosine.ts";
import type { Mask, MaskVerdict } from "../parts.ts";
import { VectorHistory } from "./history.ts";

/** sigmoid(slope · distance − shift): near 0 for copies, near 1 for texts of their own. */
export interface Cutoff {
  slope: number;
  shift: number;
}

export interface DiversityOptions {
  embedder: TextEmbedder;
  /** Name of the encoder: a saved history of another encoder means nothing to this one. */
  encoder: string;
  batch: Cutoff;
  history: Cutoff;
}

/** The oldest 500 of the last 15 500 embeddings are kept but not compared with (diversity.py history_range). */
const HISTORY_CAPACITY = 15_500;
const HISTORY_SKIPPED = 500;
/** A completion's own copy in the batch, or one chance likeness in the history, does not count: the second nearest does. */
const NEAREST = 2;
/** Completions that are compared in one pass over the history: its rows are read from memory once for all of them. */
const GROUP = 4;
/** Rows of the history between two turns of the event loop: some 5 ms of work. */
const ROWS_AT_ONCE = 2048;

/** Rows are keyed by the running number of the vector. */
const TABLE = "diversity";

const memoryShape = z.object({ encoder: z.string(), dimensions: z.int().min(0) });

/** Lowers completions that say what others of the batch say, or what was said before. */
export class DiversityMask implements Mask {
  /** A mask in spite of its name: the column of openvalidators 1.2.0, which had it among the reward models. */
  readonly name = "diversity_reward_model";
  readonly tables = [TABLE];
  readonly #options: DiversityOptions;
  readonly #history = new VectorHistory(HISTORY_CAPACITY);
  /** Running number after the last vector that `changes` gave; undefined when the state may hold others. */
  #saved: number | undefined;

  constructor(options: DiversityOptions) {
    this.#options = options;
  }

  async apply(_question: Question, completions: string[]): Promise<MaskVerdict> {
    const vectors = await this.#options.embedder.embed(completions);
    const { count, dimensions } = this.#history;
    if (count > 0 && vectors.some((vector) => vector.length !== dimensions))
      throw new RangeError(`the encoder gave vectors of another size than the ${dimensions} of the history`);
    const factors = await batchFactors(this.#options.batch, vectors);
    if (count > HISTORY_SKIPPED + NEAREST) {
      const distances = await this.#historyDistances(vectors);
      for (const [i, distance] of distances.entries())
        factors[i]! *= sigmoid(this.#options.history, distance);
    }
    return { factors, learn: () => this.#append(vectors) };
  }

  /** Second smallest 1 − |cosine| to the history, per vector. */
  async #historyDistances(vectors: Float32Array[]): Promise<number[]> {
    const size = this.#history.dimensions;
    const pieces = this.#history
      .blocks(HISTORY_SKIPPED)
      .flatMap((block) => split(block, ROWS_AT_ONCE * size));
    const distances: number[] = [];
    for (let at = 0; at < vectors.length; at += GROUP) {
      const nearest = new NearestTwo(vectors.slice(at, at + GROUP));
      for (const rows of pieces) {
        nearest.compare(rows);
        await turn();
      }
      distances.push(...nearest.secondDistances());
    }
    return distances;
  }

  /** Adds a batch without the vectors that equal the one before them, and without those that hold no numbers. */
  #append(vectors: Float32Array[]): void {
    let last: Float32Array | undefined;
    for (const vector of vectors) {
      const isNew = !last || vector.some((value, i) => value !== last![i]);
      last = vector;
      if (isNew && vector.every(Number.isFinite)) this.#history.push(vector);
    }
  }

  changes(): MemoryChanges {
    const { first, next, dimensions } = this.#history;
    // Vectors of another size or encoder may be in the state: they go at the first call.
    const isWhole = this.#saved === undefined;
    const put = this.#history.since(this.#saved ?? first);
    this.#saved = next;
    const json: z.infer<typeof memoryShape> = { encoder: this.#options.encoder, dimensions };
    const rows: RowChanges = isWhole ? { put, isWhole } : { put, deleteBelow: first };
    return { json, tables: { [TABLE]: rows } };
  }

  load({ json, tables }: Memory): boolean {
    const parsed = memoryShape.safeParse(json);
    if (!parsed.success || parsed.data.encoder !== this.#options.encoder) return false;
    const rows = [...(tables[TABLE] ?? [])].sort(([a], [b]) => a - b);
    const { dimensions } = parsed.data;
    if (rows.some(([, row]) => row.length !== dimensions || !row.every(Number.isFinite))) return false;
    const next = (rows.at(-1)?.[0] ?? -1) + 1;
    this.#history.fill(
      rows.map(([, row]) => row),
      next,
    );
    // With a gap in them, the numbers here are not those of the state any more.
    const hasGap = rows.length > 0 && next - rows[0]![0] !== rows.length;
    this.#saved = hasGap ? undefined : next;
    return true;
  }
}

function sigmoid({ slope, shift }: Cutoff, distance: number): number {
  return 1 / (1 + Math.exp(shift - slope * distance));
}

/**
 * Factors by the second smallest 1 − |cosine| of each vector to the batch, itself included; it is 1 for one that is alone.
 * A vector without numbers gets NaN and does not touch the others.
 */
function batchFactors(cutoff: Cutoff, vectors: Float32Array[]): Promise<number[]> {
  const sound = vectors.filter((vector) => vector.every(Number.isFinite));
  return mapInTurns(vectors, (vector) => {
    if (!sound.includes(vector)) return Number.NaN;
    const distances = sound.map((other) => 1 - Math.abs(cosine(vector, other))).sort((a, b) => a - b);
    return sigmoid(cutoff, distances[NEAREST - 1] ?? 1);
  });
}

function split(block: Float32Array, size: number): Float32Array[] {
  const pieces: Float32Array[] = [];
  for (let at = 0; at < block.length; at += size) pieces.push(block.subarray(at, at + size));
  return pieces;
}

/** The two largest |cosine| of up to four vectors to all rows shown, with one pass over each row. */
class NearestTwo {
  readonly #vectors: Float32Array[];
  readonly #largest = new Float64Array(GROUP).fill(-1);
  readonly #second = new Float64Array(GROUP).fill(-1);

  constructor(vectors: Float32Array[]) {
    this.#vectors = vectors;
  }

  compare(rows: Float32Array): void {
    // Fewer than four vectors: the first stands in, and its results are left out at the end.
    const [a, b = a, c = a, d = a] = this.#vectors as [Float32Array, ...(Float32Array | undefined)[]];
    const size = a.length;
    for (let row = 0; row < rows.length; row += size) {
      let toA = 0;
      let toB = 0;
      let toC = 0;
      let toD = 0;
      for (let i = 0; i < size; i++) {
        const value = rows[row + i]!;
        toA += value * a[i]!;
        toB += value * b[i]!;
        toC += value * c[i]!;
        toD += value * d[i]!;
      }
      this.#note(0, toA);
      this.#note(1, toB);
      this.#note(2, toC);
      this.#note(3, toD);
    }
  }

  #note(index: number, dot: number): void {
    const likeness = Math.abs(dot);
    if (likeness > this.#largest[index]!) {
      this.#second[index] = this.#largest[index]!;
      this.#largest[index] = likeness;
    } else if (likeness > this.#second[index]!) this.#second[index] = likeness;
  }

  /** 1 − the second largest |cosine|, per vector. */
  secondDistances(): number[] {
    return this.#vectors.map((_, index) => 1 - this.#second[index]!);
  }
}
