import { Centre } from "./centre.ts";
import { gatingLoss } from "./loss.ts";

export interface Rates {
  learningRate: number;
  /** 0 ≤ momentum < 1 */
  momentum: number;
}

export interface LayerOptions extends Rates {
  /** Size of the encoder's vectors. */
  hidden: number;
  rows: number;
}

/** Steps are counted in two numbers of the row, for Float32 is exact to 2^24 only. */
const STEP_UNIT = 2 ** 24;

/** One uid's part of the layer. */
interface Row {
  /** weights [hidden] | bias | velocity of the weights [hidden] | velocity of the bias */
  numbers: Float32Array;
  /** Step of the layer that the numbers are of. */
  step: number;
  /** Has been trained, or comes from one that was. */
  isTrained: boolean;
}

/** What a state keeps of a layer beside its rows. */
export interface LayerState extends Rates {
  step: number;
}

/**
 * Linear(hidden, rows) with a row per uid, trained by stochastic gradient descent with momentum as PyTorch's SGD does:
 * velocity = momentum · velocity + gradient; parameter −= learning rate · velocity. The gradient of a score goes along what the
 * encoding has of its own (`Centre`). Rows that were not asked have the
 * gradient 0, so they coast on their velocity. That has a closed form, a geometric series, so a step touches the asked rows
 * alone, and a row knows at which step it was touched.
 */
export class GatingLayer {
  readonly hidden: number;
  readonly #options: LayerOptions;
  readonly #centre: Centre;
  #rows: Row[];
  /** Steps trained so far. */
  #step = 0;

  constructor(options: LayerOptions) {
    this.hidden = options.hidden;
    this.#options = options;
    this.#centre = new Centre(options.hidden);
    this.#rows = Array.from({ length: options.rows }, () => this.#freshRow());
  }

  get rows(): number {
    return this.#rows.length;
  }

  /** Beside its rows, all that goes on after a restart. */
  get state(): LayerState {
    const { learningRate, momentum } = this.#options;
    return { step: this.#step, learningRate, momentum };
  }

  /** The mean of the encodings it was trained with, as `load` takes it back. */
  get centre(): Float32Array {
    return this.#centre.numbers;
  }

  /** Numbers in a row as `row` gives it. */
  static rowWidth(hidden: number): number {
    return 2 * (hidden + 1) + 2;
  }

  /** @param encoding shape [hidden]; gives one score per row */
  scores(encoding: Float32Array): Float32Array {
    return Float32Array.from(this.#rows, (row) => this.#score(row, encoding));
  }

  /**
   * One step of descent on the rows that were asked.
   * @param encoding shape [hidden]
   * @param rows distinct, each below `this.rows`; at least one
   * @param rewards finite, in step with `rows`
   * @returns the loss before the step
   */
  train(encoding: Float32Array, rows: readonly number[], rewards: readonly number[]): number {
    const asked = rows.map((row) => this.#rows[row]!);
    for (const row of asked) this.#settle(row, this.#options);
    const { loss, gradient } = gatingLoss(
      asked.map((row) => this.#score(row, encoding)),
      rewards,
    );
    const { momentum, learningRate } = this.#options;
    const size = this.hidden + 1;
    const direction = this.#centre.directionOf(encoding);
    this.#step++;
    for (const [index, row] of asked.entries()) {
      const { numbers } = row;
      for (let at = 0; at < size; at++) {
        numbers[size + at] = momentum * numbers[size + at]! + gradient[index]! * direction[at]!;
        numbers[at]! -= learningRate * numbers[size + at]!;
      }
      row.step = this.#step;
      row.isTrained = true;
    }
    return loss;
  }

  /** Brings a row from the step that it was touched at to now. */
  #settle(row: Row, rates: Rates): void {
    const idle = this.#step - row.step;
    if (idle > 0 && row.isTrained) {
      const { numbers } = row;
      const size = this.hidden + 1;
      const coast = coasted(rates, idle);
      const left = rates.momentum ** idle;
      for (let at = 0; at < size; at++) {
        numbers[at]! -= coast * numbers[size + at]!;
        numbers[size + at]! *= left;
      }
    }
    row.step = this.#step;
  }

  /** Whether a row has learnt anything; one that has not is as good as a fresh one. */
  isTrained(row: number): boolean {
    return this.#rows[row]!.isTrained;
  }

  /**
   * Puts rows in another order, for uids that moved.
   * @param sources for each row of then, the row of now that it was; undefined for a fresh one
   */
  arrange(sources: readonly (number | undefined)[]): void {
    this.#rows = sources.map((source) =>
      source === undefined ? this.#freshRow() : (this.#rows[source] ?? this.#freshRow()),
    );
  }

  /** The parameters of the first rows as they are now, what they coasted included: weight [rows, hidden], bias [rows]. */
  parameters(rows: number): { weight: Float32Array; bias: Float32Array } {
    const { hidden } = this;
    const weight = new Float32Array(rows * hidden);
    const bias = new Float32Array(rows);
    for (const [index, { numbers, step, isTrained }] of this.#rows.slice(0, rows).entries()) {
      const coast = isTrained ? coasted(this.#options, this.#step - step) : 0;
      const now = (at: number): number => numbers[at]! - coast * numbers[hidden + 1 + at]!;
      for (let at = 0; at < hidden; at++) weight[index * hidden + at] = now(at);
      bias[index] = now(hidden);
    }
    return { weight, bias };
  }

  /** A copy of a row and the step it was touched at: `rowWidth` numbers. */
  row(row: number): Float32Array {
    const { numbers, step } = this.#rows[row]!;
    const copy = new Float32Array(numbers.length + 2);
    copy.set(numbers);
    copy.set([Math.floor(step / STEP_UNIT), step % STEP_UNIT], numbers.length);
    return copy;
  }

  /**
   * Takes rows back that `row` gave. Rows that are left out stay as they are.
   * @param state of the layer that they are of; with other rates than now, what they coasted until now is by those of then
   * @param centre as `centre` gave it; without it, or where it is of another shape, the mean begins anew
   * @returns false, and nothing is taken, when a row has another size or holds a number that is not finite
   */
  load(rows: ReadonlyMap<number, Float32Array>, state: LayerState, centre?: Float32Array): boolean {
    const width = GatingLayer.rowWidth(this.hidden);
    const isSound = [...rows].every(
      ([row, numbers]) =>
        Number.isInteger(row) && row >= 0 && numbers.length === width && numbers.every(Number.isFinite),
    );
    if (!isSound) return false;
    if (centre !== undefined) this.#centre.load(centre);
    this.#step = state.step;
    for (const row of this.#rows) row.step = state.step;
    for (const [index, saved] of rows) {
      if (index >= this.rows) continue;
      const [units, rest] = saved.subarray(width - 2) as unknown as [number, number];
      const row: Row = {
        numbers: saved.slice(0, width - 2),
        step: Math.min(state.step, units * STEP_UNIT + rest),
        isTrained: true,
      };
      const { learningRate, momentum } = this.#options;
      if (state.learningRate !== learningRate || state.momentum !== momentum) this.#settle(row, state);
      this.#rows[index] = row;
    }
    return true;
  }

  #score({ numbers, step, isTrained }: Row, encoding: Float32Array): number {
    const velocities = this.hidden + 1;
    let sum = numbers[this.hidden]!;
    for (let i = 0; i < this.hidden; i++) sum += numbers[i]! * encoding[i]!;
    if (step === this.#step || !isTrained) return sum;
    let velocity = numbers[velocities + this.hidden]!;
    for (let i = 0; i < this.hidden; i++) velocity += numbers[velocities + i]! * encoding[i]!;
    return sum - coasted(this.#options, this.#step - step) * velocity;
  }

  /** Zeros: whoever is unknown is as good as the mean. Random weights would take a hundred steps to be forgotten. */
  #freshRow(): Row {
    return { numbers: new Float32Array(2 * (this.hidden + 1)), step: this.#step, isTrained: false };
  }
}

/** How far a parameter goes in so many steps without a gradient, per velocity: lr · (m + m² + … + mⁿ). */
function coasted({ learningRate, momentum }: Rates, steps: number): number {
  return (learningRate * momentum * (1 - momentum ** steps)) / (1 - momentum);
}
