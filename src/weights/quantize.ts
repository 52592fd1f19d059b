import { Failure } from "../base/error.ts";
import { U16_MAX } from "../base/units.ts";
import { checkWeights, type WeightsCode } from "./process.ts";

export interface QuantizedWeights {
  uids: number[];
  /** u16, the largest is 65535, none is 0. */
  values: number[];
}

/**
 * Weights in the chain's integers: the largest becomes 65535, halves round to even as Python's round does, zeros are
 * left out (SDK convert_weights_and_uids_for_emit).
 * @param maxWeightLimit largest share of one neuron, 0..1. Rounding may lift the largest above it, which a chain that enforces the limit
 * refuses whole (C10), so the others are rounded up as far as that takes.
 * @param minCount weights that the chain takes at least: where rounding leaves fewer, the largest of those that it left out become 1, for
 * one miner whose score has almost decayed must not cost all the others their weights
 * @throws Failure `weights.all-zero` when nothing is left to set; as `checkWeights` otherwise.
 */
export function quantizeWeights(
  uids: readonly number[],
  weights: Float32Array,
  maxWeightLimit = 1,
  minCount = 0,
): QuantizedWeights {
  checkWeights(uids, weights);
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (largest === 0)
    throw new Failure<WeightsCode>("weights.all-zero", {
      message: "every weight is zero, so there is nothing to set",
    });
  const result: QuantizedWeights = { uids: [], values: [] };
  const lost: number[] = [];
  const exacts = uids.map((_, index) => (weights[index]! / largest) * U16_MAX);
  const kept = keptOf(exacts, minCount);
  for (const [index, uid] of uids.entries()) {
    const exact = exacts[index]!;
    const value = roundHalfEven(exact) || Number(kept.has(index));
    if (value === 0) continue;
    result.uids.push(uid);
    result.values.push(value);
    lost.push(exact - value);
  }
  raiseTo(result.values, lost, Math.ceil(U16_MAX / maxWeightLimit));
  return result;
}

/** Which of those that round to nothing are kept all the same, by index. */
function keptOf(exacts: readonly number[], minCount: number): ReadonlySet<number> {
  const isLost = (index: number): boolean => exacts[index]! > 0 && roundHalfEven(exacts[index]!) === 0;
  const lost = [...exacts.keys()].filter(isLost).sort((a, b) => exacts[b]! - exacts[a]!);
  const count = exacts.filter((exact) => roundHalfEven(exact) > 0).length;
  return new Set(lost.slice(0, Math.max(0, minCount - count)));
}

/** Raises values below the largest, those that rounding lowered most first, until their sum is `least` or no room is left. */
function raiseTo(values: number[], lost: readonly number[], least: number): void {
  let missing = least - values.reduce((sum, value) => sum + value, 0);
  const order = [...values.keys()].sort((a, b) => lost[b]! - lost[a]!);
  // Rounding loses less than one for each value, so that one round is enough; only weights that rounding left out altogether make
  // it more.
  while (missing > 0) {
    const open = order.filter((index) => values[index]! < U16_MAX);
    if (open.length === 0) return;
    const step = Math.ceil(missing / open.length);
    for (const index of open) {
      const raise = Math.min(step, missing, U16_MAX - values[index]!);
      values[index]! += raise;
      missing -= raise;
    }
  }
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}
