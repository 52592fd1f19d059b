/** Which texts run together. Pure. */

export interface Batch {
  /** Positions in the caller's list. */
  rows: number[];
  /** Tokens that every row is padded to. */
  width: number;
}

export interface BatchLimits {
  /** Most tokens of one run, padding included. */
  maxTokens: number;
  /** Most rows of one run; no bound when left out. */
  maxRows?: number | undefined;
  /** Most attention scores of one head in one run, rows × width × (prefix + width); no bound when left out. */
  maxScores?: number;
  /** Widths are multiples of this. A GPU compiles a program for each new shape, so few shapes start sooner. */
  widthStep: number;
  /** Most tokens of one row, prefix included; a model has no positions beyond. */
  maxWidth?: number;
  /** Tokens before every row that were computed earlier: their keys and values are copied for each row. */
  prefix?: number;
}

/**
 * Prefixes and tokens of one run together are at most this multiple of maxTokens: a token of a prefix costs its keys and
 * values in one layer at a time, and no logits.
 */
const MAX_CONTEXT = 4;

/**
 * A row may be padded to this multiple of its length before a new batch begins. More rows at once gain less than
 * computing a third of padding costs.
 */
const MAX_STRETCH = 1.34;

/**
 * Groups texts of like length, so that little is computed for padding.
 * @param lengths tokens of each text, at least 1.
 * @returns batches that name every text once, shortest first.
 */
export function planBatches(
  lengths: readonly number[],
  {
    maxTokens,
    maxRows = Infinity,
    maxScores = Infinity,
    widthStep,
    maxWidth = Infinity,
    prefix = 0,
  }: BatchLimits,
): Batch[] {
  const widthOf = (length: number): number =>
    Math.min(maxWidth - prefix, Math.ceil(length / widthStep) * widthStep);
  const order = lengths.map((_, row) => row).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: Batch[] = [];
  let current: Batch | undefined;
  for (const row of order) {
    const width = widthOf(lengths[row]!);
    const fits =
      current !== undefined &&
      current.rows.length < maxRows &&
      (current.rows.length + 1) * width <= maxTokens &&
      (current.rows.length + 1) * (prefix + width) <= MAX_CONTEXT * maxTokens &&
      (current.rows.length + 1) * width * (prefix + width) <= maxScores &&
      width <= Math.max(widthStep, widthOf(lengths[current.rows[0]!]!) * MAX_STRETCH);
    if (current === undefined || !fits) {
      current = { rows: [], width };
      batches.push(current);
    }
    current.rows.push(row);
    current.width = width;
  }
  return batches;
}

/** Token ids and mask of a batch, row after row, padded at the end; the mask begins with `offset` tokens of a cache. */
export function padBatch(
  ids: readonly (readonly number[])[],
  { rows, width }: Batch,
  offset = 0,
): { inputIds: BigInt64Array; attentionMask: BigInt64Array } {
  const inputIds = new BigInt64Array(rows.length * width);
  const attentionMask = new BigInt64Array(rows.length * (offset + width));
  for (const [index, row] of rows.entries()) {
    const own = ids[row]!;
    for (const [at, id] of own.entries()) inputIds[index * width + at] = BigInt(id);
    const start = index * (offset + width);
    attentionMask.fill(1n, start, start + offset + own.length);
  }
  return { inputIds, attentionMask };
}

/** How the vectors of a text's tokens become one. */
export interface Pooling {
  pooling: "mean" | "last";
  /** Whether it is scaled to length 1. */
  normalize: boolean;
}

/**
 * One vector for the first `length` vectors of a row; all 0 for a row of no tokens.
 * @param hidden [rows, width, into.length], flat.
 */
export function pool(
  hidden: Float32Array,
  { row, width, length }: { row: number; width: number; length: number },
  { pooling, normalize }: Pooling,
  into: Float32Array,
): void {
  const size = into.length;
  const first = pooling === "last" ? Math.max(0, length - 1) : 0;
  const sums = new Float64Array(size);
  for (let token = first; token < length; token++) {
    const start = (row * width + token) * size;
    for (let i = 0; i < size; i++) sums[i]! += hidden[start + i]!;
  }
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  const divisor = normalize ? Math.sqrt(squares) : length - first;
  for (let i = 0; i < size; i++) into[i] = divisor === 0 ? 0 : sums[i]! / divisor;
}
