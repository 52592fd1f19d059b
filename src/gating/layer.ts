import { gatingLoss } from "./loss.ts";

/** Uniform in [0, 1). */
export type Random = () => number;

export interface LayerOptions {
  /** Size of the encoder's vectors. */
  hidden: number;
  rows: number;
  learningRate: number;
  /** 0 ≤ momentum < 1 */
  momentum: number;
  random: Random;
}

/** The numbers of a layer: `weights` and its velocity have shape [rows, hidden], `bias` and its velocity [rows]. */
export interface LayerArrays {
  weights: Float32Array;
  bias: Float32Array;
  weightsVelocity: Float32Array;
  biasVelocity: Float32Array;
}

/**
 * Linear(hidden, rows) with a row per uid, trained by stochastic gradient descent with momentum as PyTorch's SGD does:
 * velocity = momentum · velocity + gradient; parameter −= learning rate · velocity. Rows that were not asked have the
 * gradient 0, so they coast on their velocity.
 */
export class GatingLayer {
  readonly hidden: number;
  readonly #options: LayerOptions;
  #arrays: LayerArrays;

  constructor(options: LayerOptions) {
    this.hidden = options.hidden;
    this.#options = options;
    this.#arrays = emptyArrays(options.rows, options.hidden);
    for (let row = 0; row < options.rows; row++) this.resetRow(row);
  }

  get rows(): number {
    return this.#arrays.bias.length;
  }

  /** @param encoding shape [hidden]; gives one score per row */
  scores(encoding: Float32Array): Float32Array {
    const scores = new Float32Array(this.rows);
    for (let row = 0; row < scores.length; row++) scores[row] = this.#score(row, encoding);
    return scores;
  }

  /**
   * One step of descent on the rows that were asked.
   * @param encoding shape [hidden]
   * @param rows distinct, each below `this.rows`; at least one
   * @param rewards finite, in step with `rows`
   * @returns the loss before the step
   */
  train(encoding: Float32Array, rows: readonly number[], rewards: readonly number[]): number {
    const scores = rows.map((row) => this.#score(row, encoding));
    const { loss, gradient } = gatingLoss(scores, rewards);
    const { weights, bias, weightsVelocity, biasVelocity } = this.#arrays;
    const { momentum, learningRate } = this.#options;
    for (let at = 0; at < weightsVelocity.length; at++) weightsVelocity[at]! *= momentum;
    for (let row = 0; row < biasVelocity.length; row++) biasVelocity[row]! *= momentum;
    for (const [index, row] of rows.entries()) {
      const first = row * this.hidden;
      for (let i = 0; i < this.hidden; i++) weightsVelocity[first + i]! += gradient[index]! * encoding[i]!;
      biasVelocity[row]! += gradient[index]!;
    }
    for (let at = 0; at < weights.length; at++) weights[at]! -= learningRate * weightsVelocity[at]!;
    for (let row = 0; row < bias.length; row++) bias[row]! -= learningRate * biasVelocity[row]!;
    return loss;
  }

  /**
   * Bias 0, weights Xavier-uniform, no velocity. A row is a Linear(hidden, 1) of its own, so that its spread does not
   * depend on the size of the subnet: ±sqrt(6 / (hidden + 1)).
   */
  resetRow(row: number): void {
    const { weights, bias, weightsVelocity, biasVelocity } = this.#arrays;
    const bound = Math.sqrt(6 / (this.hidden + 1));
    const first = row * this.hidden;
    for (let i = 0; i < this.hidden; i++) weights[first + i] = bound * (2 * this.#options.random() - 1);
    weightsVelocity.fill(0, first, first + this.hidden);
    bias[row] = 0;
    biasVelocity[row] = 0;
  }

  /** New rows are initialised; rows above are dropped. */
  resize(rows: number): void {
    const before = this.rows;
    if (rows === before) return;
    const old = this.#arrays;
    this.#arrays = emptyArrays(rows, this.hidden);
    for (const name of ARRAY_NAMES) {
      const kept = this.#arrays[name];
      kept.set(old[name].subarray(0, kept.length));
    }
    for (let row = before; row < rows; row++) this.resetRow(row);
  }

  /** Copies: the layer may be trained while they are written. */
  save(): LayerArrays {
    const { weights, bias, weightsVelocity, biasVelocity } = this.#arrays;
    return {
      weights: weights.slice(),
      bias: bias.slice(),
      weightsVelocity: weightsVelocity.slice(),
      biasVelocity: biasVelocity.slice(),
    };
  }

  /** @returns false, and nothing is taken, when the arrays do not fit each other or hold a number that is not finite */
  load(saved: LayerArrays): boolean {
    const rows = saved.bias.length;
    const fits =
      saved.weights.length === rows * this.hidden &&
      saved.weightsVelocity.length === saved.weights.length &&
      saved.biasVelocity.length === rows &&
      ARRAY_NAMES.every((name) => saved[name].every(Number.isFinite));
    if (fits) {
      this.#arrays = {
        weights: saved.weights.slice(),
        bias: saved.bias.slice(),
        weightsVelocity: saved.weightsVelocity.slice(),
        biasVelocity: saved.biasVelocity.slice(),
      };
    }
    return fits;
  }

  #score(row: number, encoding: Float32Array): number {
    const { weights, bias } = this.#arrays;
    const first = row * this.hidden;
    let sum = bias[row]!;
    for (let i = 0; i < this.hidden; i++) sum += weights[first + i]! * encoding[i]!;
    return sum;
  }
}

const ARRAY_NAMES = ["weights", "bias", "weightsVelocity", "biasVelocity"] as const;

function emptyArrays(rows: number, hidden: number): LayerArrays {
  return {
    weights: new Float32Array(rows * hidden),
    bias: new Float32Array(rows),
    weightsVelocity: new Float32Array(rows * hidden),
    biasVelocity: new Float32Array(rows),
  };
}
