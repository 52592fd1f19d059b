/** Encodings in the mean at most; after that older ones fade, so that it follows what is asked now. */
const MOST_COUNTED = 1000;
/**
 * Part of a weight's step that a bias takes. A bias that learns as fast as the weights takes the luck of single prompts for the
 * worth of a miner; one that learns not at all cannot tell who is better at everything. From 0.01 to 0.04 routing earned the same,
 * with 1 a third less (240 prompts, 20 specialists with and without a worth of their own, 20 seeds).
 */
const BIAS_PACE = 0.04;

/**
 * The mean of the encodings seen. Prompts have much in common, their instruction above all, so a step along an encoding itself
 * moves a miner's scores for all prompts; along what is its own, for those like it. Only the direction of steps is changed:
 * what a layer scores is still weight · encoding + bias, whatever the mean was and will be.
 */
export class Centre {
  /** mean [hidden] | how many are in it */
  readonly #numbers: Float32Array;

  constructor(hidden: number) {
    this.#numbers = new Float32Array(hidden + 1);
  }

  /**
   * Takes an encoding into the mean.
   * @param encoding x, shape [hidden]
   * @returns [hidden + 1]: x − mean for the weights, and for the bias what keeps the scores of the mean where they are, and its
   * own pace: 0.04 − (x − mean) · mean
   */
  directionOf(encoding: Float32Array): Float64Array {
    const hidden = encoding.length;
    const numbers = this.#numbers;
    const count = Math.min(MOST_COUNTED, numbers[hidden]! + 1);
    const direction = new Float64Array(hidden + 1);
    let shared = 0;
    for (let at = 0; at < hidden; at++) {
      numbers[at]! += (encoding[at]! - numbers[at]!) / count;
      direction[at] = encoding[at]! - numbers[at]!;
      shared += direction[at]! * numbers[at]!;
    }
    numbers[hidden] = count;
    direction[hidden] = BIAS_PACE - shared;
    return direction;
  }

  /** A copy: the mean, then how many encodings are in it. */
  get numbers(): Float32Array {
    return this.#numbers.slice();
  }

  /** Takes back what `numbers` gave. @returns false, and nothing is taken, for another size or a number that is not finite */
  load(numbers: Float32Array): boolean {
    if (numbers.length !== this.#numbers.length || !numbers.every(Number.isFinite)) return false;
    this.#numbers.set(numbers);
    return true;
  }
}
