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
 * @throws Failure `weights.all-zero` when nothing is left to set; as `checkWeights` otherwise.
 */
export function quantizeWeights(uids: readonly number[], weights: Float32Array): QuantizedWeights {
  checkWeights(uids, weights);
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (largest === 0)
    throw new Failure<WeightsCode>("weights.all-zero", {
      message: "every weight is zero, so there is nothing to set",
    });
  const result: QuantizedWeights = { uids: [], values: [] };
  for (const [index, uid] of uids.entries()) {
    const value = roundHalfEven((weights[index]! / largest) * U16_MAX);
    if (value === 0) continue;
    result.uids.push(uid);
    result.values.push(value);
  }
  return result;
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}
