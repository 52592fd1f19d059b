import { z } from "zod";

/** After this many rewards older ones fade exponentially (openvalidators 1.2.0, reward.py count_limit). */
const COUNT_LIMIT = 3000;
/** Fewer rewards of a step say nothing of what is usual: one alone is its own mean, and of two one is always the better. */
const TELLING_BATCH = 3;
/** After so many rewards the mean is known to a fifth of the deviation, and even one answer can be ranked by it. */
const TELLING_COUNT = 30;
/** The place of a reward while nothing is known that it could be held against. */
const MIDDLE = 0.5;
/** A deviation below this share of the mean is what sums in single precision differ by: such rewards are equal. */
const ROUNDING = 1e-6;

export const normalizerState = z.object({
  count: z.number().min(0).max(COUNT_LIMIT),
  mean: z.number(),
  variance: z.number().min(0),
});
export type NormalizerState = z.infer<typeof normalizerState>;

/**
 * Running mean and variance of one reward model, and the rank of a reward under the normal distribution they describe.
 * Formulas of openvalidators 1.2.0 (reward.py normalize_rewards), with three exceptions: a batch of one has variance 0,
 * where it became NaN for ever; rewards of a batch of one or two are 0.5 until 30 rewards are known, where they were noise;
 * and so are rewards that differ by rounding alone.
 */
export class RunningNormalizer {
  #state: NormalizerState = { count: 0, mean: 0, variance: 0 };

  get state(): NormalizerState {
    return { ...this.#state };
  }

  set state(state: NormalizerState) {
    this.#state = { ...state };
  }

  /**
   * Takes a batch into the statistics, then maps each of its rewards to 0..1.
   * @param batch finite raw rewards of one step; empty changes nothing
   */
  normalize(batch: readonly number[]): number[] {
    if (batch.length === 0) return [];
    const isTelling = batch.length >= TELLING_BATCH || this.#state.count >= TELLING_COUNT;
    this.#update(batch);
    const { mean, variance } = this.#state;
    const deviation = Math.sqrt(variance);
    if (!isTelling || deviation <= ROUNDING * Math.abs(mean)) return batch.map(() => MIDDLE);
    return batch.map((raw) => 0.5 * (1 + erf((raw - mean) / deviation / Math.SQRT2)));
  }

  #update(batch: readonly number[]): void {
    const { count, mean, variance } = this.#state;
    const n = batch.length;
    const batchMean = batch.reduce((sum, raw) => sum + raw, 0) / n;
    const batchVariance = n > 1 ? batch.reduce((sum, raw) => sum + (raw - batchMean) ** 2, 0) / (n - 1) : 0;
    const fresh = n / (count + n);
    const old = count / (count + n);
    const difference = batchMean - mean;
    this.#state = {
      count: Math.min(COUNT_LIMIT, count + n),
      mean: fresh * batchMean + old * mean,
      variance: fresh * batchVariance + old * variance + fresh * old * difference * difference,
    };
  }
}

/** Below this the series converges fast, above it the continued fraction does. */
const SERIES_LIMIT = 3;
/** erf(6) = 1 − 2e-17, which is 1 in double precision. */
const ONE_LIMIT = 6;
const FRACTION_TERMS = 40;

/** Error function, within 1e-15 of the true value. JavaScript has none. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return Number.NaN;
  if (size >= ONE_LIMIT) return Math.sign(x);
  if (size < SERIES_LIMIT) {
    // Abramowitz & Stegun 7.1.6: 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, all terms of one sign.
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > Math.abs(sum) * Number.EPSILON * 0.1; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  // 7.1.14: erfc(x) = exp(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the inside out.
  let fraction = size;
  for (let n = FRACTION_TERMS; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / fraction);
}
