/**
 * Scores to weights, with the arithmetic of the bittensor SDK (10.2, utils/weight_utils.py) under numpy 2: float32
 * operations in numpy's order, because validators that round differently set different weights.
 */
import { Failure } from "../base/error.ts";
import { U16_MAX } from "../base/units.ts";

export type WeightsCode = "weights.not-finite" | "weights.negative" | "weights.mismatch" | "weights.all-zero";

/** Keeps the cut-off below the limit after the last rounding (SDK normalize_max_weight). */
const EPSILON = 1e-7;
/** Of shares in 32 bits, whose sum is rounded. */
const ROUNDING = 1e-6;
/** Weight of a neuron that only fills up the minimum number of weights (SDK process_weights). */
const FILLER_WEIGHT = 1e-5;

export interface RawWeights {
  uids: readonly number[];
  /** One per uid, ≥ 0 and finite; needs no sum. */
  weights: Float32Array;
  /** Size of the subnet: uids 0..neurons−1 exist. */
  neurons: number;
  /** Fewest weights that the chain takes (MinAllowedWeights). */
  minAllowedWeights: number;
  /** Largest share of one neuron, 0..1 (MaxWeightsLimit / 65535). */
  maxWeightLimit: number;
  /** Share of the smallest weights to drop, 0..65535; 0 drops none. */
  excludeQuantile: number;
}

export interface ProcessedWeights {
  uids: number[];
  /** Sum 1. */
  weights: Float32Array;
}

/**
 * @throws Failure `weights.mismatch` when lengths differ or a uid is outside the subnet, `weights.not-finite` and
 * `weights.negative` for values that must never reach the chain.
 */
export function processWeights(raw: RawWeights): ProcessedWeights {
  checkWeights(raw.uids, raw.weights);
  const { neurons, minAllowedWeights, maxWeightLimit } = raw;
  const outside = raw.uids.find((uid) => uid >= neurons);
  if (outside !== undefined)
    throw new Failure<WeightsCode>("weights.mismatch", {
      message: `uid ${outside} is outside a subnet of ${neurons} neurons`,
    });

  const kept = raw.uids
    .map((uid, index) => ({ uid, weight: raw.weights[index]! }))
    .filter((w) => w.weight > 0);
  if (kept.length === 0 || neurons < minAllowedWeights)
    return { uids: range(neurons), weights: new Float32Array(neurons).fill(1 / neurons) };

  if (kept.length < minAllowedWeights) {
    // numpy makes this vector in double precision.
    const filled = new Float64Array(neurons).fill(FILLER_WEIGHT);
    for (const { uid, weight } of kept) filled[uid]! += weight;
    return {
      uids: range(neurons),
      weights: Float32Array.from(normalizeMaxWeight(filled, maxWeightLimit)),
    };
  }

  const spare = Math.max(0, kept.length - minAllowedWeights) / kept.length;
  const threshold = quantile(
    Float32Array.from(kept, (w) => w.weight),
    Math.min(raw.excludeQuantile / U16_MAX, spare),
  );
  const above = kept.filter((w) => w.weight >= threshold);
  return {
    uids: above.map((w) => w.uid),
    weights: normalizeMaxWeight(
      Float32Array.from(above, (w) => w.weight),
      maxWeightLimit,
    ),
  };
}

/**
 * Scales to sum 1 so that no share exceeds `limit`; equal shares when the limit leaves no other choice. The result
 * has the precision of the input.
 */
export function normalizeMaxWeight<T extends Float32Array | Float64Array>(weights: T, limit: number): T {
  const round: (value: number) => number =
    weights instanceof Float32Array ? Math.fround : (value: number) => value;
  const count = weights.length;
  const result = weights.slice() as T;
  const sorted = weights.slice().sort() as T;
  const total = pairwiseSum(sorted, round);
  if (total === 0 || count * limit <= 1) return result.fill(1 / count) as T;

  // numpy converts a Python float to the precision of the array it meets.
  const limitRounded = round(limit);
  const epsilon = round(EPSILON);
  const shares = sorted.map((value) => value / total) as T;
  if (shares[count - 1]! > limitRounded) {
    const sums = cumulativeSums(shares, round);
    let below = 0;
    for (let i = 0; i < count; i++) {
      const rest = round(round((count - i - 1) * shares[i]!) + sums[i]!);
      if (round(shares[i]! / round(rest + epsilon)) < limitRounded) below++;
    }
    // The index of a negative position counts from the end, as in numpy.
    const sumBelow = sums[below === 0 ? count - 1 : below - 1]!;
    const scale = round(round(limitRounded * sumBelow) - epsilon) / (1 - limit * (count - below));
    const cut = scale * total;
    // Where nothing is left to cut to, the SDK would give NaN.
    if (!(cut > 0)) return result.fill(1 / count) as T;
    for (let i = 0; i < count; i++) if (result[i]! > cut) result[i] = cut;
  }
  const sum = pairwiseSum(result, round);
  return withinLimit(result.map((value) => value / sum) as T, limitRounded);
}

/**
 * As much of equal shares mixed in as keeps the largest within the limit. The SDK goes beyond it where others than the largest
 * have next to nothing, which the chain refuses.
 */
function withinLimit<T extends Float32Array | Float64Array>(shares: T, limit: number): T {
  const largest = Math.max(...shares);
  if (largest <= limit + ROUNDING) return shares;
  const equal = 1 / shares.length;
  const part = (largest - limit) / (largest - equal);
  return shares.map((share: number) => share + part * (equal - share)) as T;
}

/** @throws Failure when a value is not a finite number ≥ 0, or the two lists differ in length. */
export function checkWeights(uids: readonly number[], weights: Float32Array): void {
  if (uids.length !== weights.length)
    throw new Failure<WeightsCode>("weights.mismatch", {
      message: `there are ${uids.length} uids but ${weights.length} weights`,
    });
  const bad = weights.findIndex((weight) => !Number.isFinite(weight) || weight < 0);
  if (bad === -1) return;
  const isNegative = weights[bad]! < 0 && Number.isFinite(weights[bad]!);
  throw new Failure<WeightsCode>(isNegative ? "weights.negative" : "weights.not-finite", {
    message: `the weight of uid ${uids[bad]} is ${weights[bad]}; only finite numbers from 0 may be set`,
    data: { uid: uids[bad] },
  });
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

function cumulativeSums<T extends Float32Array | Float64Array>(
  values: T,
  round: (value: number) => number,
): T {
  let sum = 0;
  return values.map((value) => {
    sum = round(sum + value);
    return sum;
  }) as T;
}

/** numpy.quantile of float32 values with the default, linear method. */
function quantile(values: Float32Array, fraction: number): number {
  const sorted = values.slice().sort();
  const position = Math.fround((sorted.length - 1) * Math.fround(fraction));
  const low = Math.floor(position);
  const weight = Math.fround(position - low);
  const from = sorted[low]!;
  const to = sorted[Math.min(low + 1, sorted.length - 1)]!;
  const step = Math.fround(to - from);
  return weight < 0.5
    ? Math.fround(from + Math.fround(step * weight))
    : Math.fround(to - Math.fround(step * Math.fround(1 - weight)));
}

/** Below this length numpy adds with eight accumulators, above it halves (numpy/_core/src/umath/loops_utils.h.src). */
const PAIRWISE_BLOCK = 128;

function pairwiseSum(
  values: Float32Array | Float64Array,
  round: (value: number) => number,
  from = 0,
  length = values.length,
): number {
  if (length > PAIRWISE_BLOCK) {
    const half = (length >> 1) - ((length >> 1) % 8);
    return round(
      pairwiseSum(values, round, from, half) + pairwiseSum(values, round, from + half, length - half),
    );
  }
  const whole = length < 8 ? 0 : length - (length % 8);
  let sum = 0;
  if (whole > 0) {
    const lanes = Array.from({ length: 8 }, (_, lane) => values[from + lane]!);
    for (let i = 8; i < whole; i++) lanes[i % 8] = round(lanes[i % 8]! + values[from + i]!);
    const [a, b, c, d, e, f, g, h] = lanes as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    sum = round(round(round(a + b) + round(c + d)) + round(round(e + f) + round(g + h)));
  }
  for (let i = whole; i < length; i++) sum = round(sum + values[from + i]!);
  return sum;
}
