import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Centre } from "../../src/gating/centre.ts";
import { GatingLayer, type LayerState, type Rates } from "../../src/gating/layer.ts";
import { gatingLoss } from "../../src/gating/loss.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import golden from "../golden/gating/training.json";

const HIDDEN = 6;
const layerOf = (rows: number, learningRate = 0.5): GatingLayer =>
  new GatingLayer({ hidden: HIDDEN, rows, learningRate, momentum: 0.9 });
const encoding = (seed: number): Float32Array => {
  const random = seededRandom(seed);
  const raw = Float32Array.from({ length: HIDDEN }, () => random() - 0.5);
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
};
/** Weights, bias and velocities as they are at the layer's step. */
const rowOf = (layer: GatingLayer, row: number): number[] => [...layer.row(row).subarray(0, -2)];
const biasOf = (row: number[]): number => row[HIDDEN]!;
const stateOf = (layer: GatingLayer): LayerState => ({ ...layer.state });
const rowsOf = (layer: GatingLayer): Map<number, Float32Array> =>
  new Map(Array.from({ length: layer.rows }, (_, row) => [row, layer.row(row)]));

/** SGD with momentum as PyTorch writes it down, every row at every step, in double precision. */
class PlainLayer {
  readonly weights: number[][];
  readonly velocities: number[][];
  readonly #centre = new Centre(HIDDEN);

  constructor(layer: GatingLayer) {
    this.weights = Array.from({ length: layer.rows }, (_, row) => rowOf(layer, row).slice(0, HIDDEN + 1));
    this.velocities = this.weights.map((row) => row.map(() => 0));
  }

  train(encoding: Float32Array, rows: number[], rewards: number[], rates: Rates): void {
    const scores = this.scores(encoding);
    const { gradient } = gatingLoss(
      rows.map((row) => scores[row]!),
      rewards,
    );
    const direction = this.#centre.directionOf(encoding);
    for (const [row, velocity] of this.velocities.entries()) {
      const asked = rows.indexOf(row);
      for (const at of velocity.keys()) {
        velocity[at] = rates.momentum * velocity[at]! + (asked < 0 ? 0 : gradient[asked]! * direction[at]!);
        this.weights[row]![at]! -= rates.learningRate * velocity[at]!;
      }
    }
  }

  scores(encoding: Float32Array): number[] {
    const input = [...encoding, 1];
    return this.weights.map((row) => row.reduce((sum, weight, at) => sum + weight * input[at]!, 0));
  }
}

describe("the gating layer", () => {
  test("starts with zeros: nobody is preferred who is unknown", () => {
    const layer = layerOf(20);
    for (let row = 0; row < 20; row++) expect(rowOf(layer, row).every((value) => value === 0)).toBe(true);
    expect(layer.scores(encoding(1)).every((score) => score === 0)).toBe(true);
  });

  test("learns of a miner what it knows, not what all prompts have in common, and slowly what it is worth anywhere", () => {
    const common = encoding(90);
    const prompt = (seed: number): Float32Array => {
      const own = encoding(seed);
      return common.map((value, at) => 0.9 * value + 0.3 * own[at]!);
    };
    const layer = layerOf(4);
    const gap = (seed: number): number => {
      const [knows, other] = layer.scores(prompt(seed));
      return knows! - other!;
    };
    // Miner 0 answers every other prompt, and these are all alike; both are asked all.
    for (let step = 0; step < 60; step++)
      layer.train(prompt(step % 2), [0, 1, 2, 3], step % 2 === 0 ? [1, 0, 0, 0] : [0, 0, 0, 0]);
    // Its reward is 1 and 0; the two prompts have a cosine of 0.9, and a plain step would move both.
    expect(gap(0)).toBeGreaterThan(0.3);
    expect(Math.abs(gap(1))).toBeLessThan(0.05);
    const worth = layerOf(4);
    for (let step = 0; step < 200; step++) worth.train(prompt(step % 7), [0, 1, 2, 3], [1, 0, 0, 0]);
    for (let seed = 0; seed < 7; seed++) {
      const [best, ...others] = worth.scores(prompt(seed));
      expect(best!).toBeGreaterThan(Math.max(...others));
    }
  });

  test("ends where forty steps of SGD with momentum end in Python, to 1e-6", () => {
    const { hidden, rows, learningRate, momentum } = golden;
    const layer = new GatingLayer({ hidden, rows, learningRate, momentum });
    const start = new Map(
      Array.from({ length: rows }, (_, row) => [
        row,
        Float32Array.of(
          ...golden.start.slice(row * hidden, (row + 1) * hidden),
          ...new Float32Array(hidden + 4),
        ),
      ]),
    );
    expect(layer.load(start, { step: 0, learningRate, momentum })).toBe(true);
    for (const step of golden.steps) {
      const loss = layer.train(new Float32Array(step.encoding), step.asked, step.rewards);
      expect(Math.abs(loss - step.loss)).toBeLessThan(1e-6);
    }
    // What each row would answer: it may have coasted since it was asked last.
    const unit = (at: number): Float32Array => new Float32Array(hidden).fill(1, at, at + 1);
    const bias = layer.scores(new Float32Array(hidden));
    for (const [row, value] of bias.entries()) expect(Math.abs(value - golden.bias[row]!)).toBeLessThan(1e-6);
    for (let at = 0; at < hidden; at++)
      for (const [row, score] of layer.scores(unit(at)).entries())
        expect(Math.abs(score - bias[row]! - golden.weights[row * hidden + at]!)).toBeLessThan(1e-6);
  });

  test("lets rows coast between their steps as if each had been touched at every one", () => {
    for (const rates of [
      { learningRate: 0.5, momentum: 0.9 },
      { learningRate: 2, momentum: 0 },
      { learningRate: 0.1, momentum: 0.99 },
    ]) {
      const layer = new GatingLayer({ hidden: HIDDEN, rows: 12, ...rates });
      const plain = new PlainLayer(layer);
      const random = seededRandom(8);
      for (let step = 0; step < 300; step++) {
        const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter(() => random() < (step < 200 ? 0.3 : 0.02));
        if (rows.length === 0) continue;
        const rewards = rows.map(() => random());
        layer.train(encoding(step), rows, rewards);
        plain.train(encoding(step), rows, rewards, rates);
        const scores = layer.scores(encoding(step + 1));
        for (const [row, score] of plain.scores(encoding(step + 1)).entries())
          expect(Math.abs(scores[row]! - score)).toBeLessThan(1e-5);
      }
    }
  });

  test("touches the asked rows alone", () => {
    const layer = layerOf(4);
    layer.train(encoding(1), [0, 1, 2, 3], [1, 0, 0.5, 0.2]);
    const before = layer.row(2);
    for (let step = 0; step < 5; step++) layer.train(encoding(step), [0, 1, 3], [1, 0, 0.5]);
    layer.scores(encoding(3));
    expect(layer.row(2)).toEqual(before);
  });

  test("loses less and less on the same steps, and ends with the miners in the order of their rewards", () => {
    const layer = layerOf(5, 1);
    const rewards = [0.1, 0.9, 0.5, 0, 0.7];
    const all = [0, 1, 2, 3, 4];
    const losses = Array.from({ length: 400 }, () => {
      // One prompt alone has nothing of its own.
      layer.train(encoding(8), all, rewards.toReversed());
      return layer.train(encoding(7), all, rewards);
    });
    expect(losses[399]!).toBeLessThan(losses[0]! / 1000);
    const order = (values: ArrayLike<number>): number[] => all.toSorted((a, b) => values[b]! - values[a]!);
    expect(order(layer.scores(encoding(7)))).toEqual(order(rewards));
  });

  test("leaves rows that were never asked as they are", () => {
    const layer = layerOf(4);
    const before = rowOf(layer, 2);
    for (let step = 0; step < 10; step++) layer.train(encoding(step), [0, 1, 3], [1, 0, 0.5]);
    expect(rowOf(layer, 2)).toEqual(before);
  });

  test("stays finite at any learning rate and with scores of any size", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.integer(),
        (learningRate, rewards, seed) => {
          const layer = layerOf(8, learningRate);
          for (let step = 0; step < 30; step++)
            expect(Number.isFinite(layer.train(encoding(seed + step), [...rewards.keys()], rewards))).toBe(
              true,
            );
          expect(layer.scores(encoding(seed)).every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("puts rows in another order, with fresh ones between", () => {
    const layer = layerOf(4);
    for (let step = 0; step < 10; step++) layer.train(encoding(step), [0, 1, 2, 3], [1, 0, 0.5, 0.2]);
    layer.train(encoding(10), [0, 1], [1, 0]);
    const scores = layer.scores(encoding(3));
    layer.arrange([3, undefined, 0, 1, undefined]);
    expect(layer.rows).toBe(5);
    const after = layer.scores(encoding(3));
    expect([after[0], after[2], after[3]]).toEqual([scores[3], scores[0], scores[1]]);
    expect([0, 1, 2, 3, 4].map((row) => layer.isTrained(row))).toEqual([true, false, true, true, false]);
    expect(biasOf(rowOf(layer, 1))).toBe(0);
    expect(rowOf(layer, 4).every((value) => value === 0)).toBe(true);
  });

  test("goes on after a restart to the last digit, and by its old rates until then", () => {
    const layer = layerOf(4);
    for (let step = 0; step < 10; step++) layer.train(encoding(step), [0, 1, 2, 3], [1, 0, 0.5, 0.2]);
    for (let step = 0; step < 3; step++) layer.train(encoding(step), [0, 1], [1, 0]);
    const again = layerOf(4);
    expect(again.load(rowsOf(layer), stateOf(layer), layer.centre)).toBe(true);
    expect(again.scores(encoding(3))).toEqual(layer.scores(encoding(3)));
    expect(again.train(encoding(4), [1, 2], [0, 1])).toBe(layer.train(encoding(4), [1, 2], [0, 1]));
    expect(rowsOf(again)).toEqual(rowsOf(layer));

    // A rate a thousand times as high must not be applied to what happened before.
    const faster = layerOf(4, 500);
    expect(faster.load(rowsOf(layer), stateOf(layer))).toBe(true);
    const [ours, before] = [faster.scores(encoding(3)), layer.scores(encoding(3))];
    for (const [row, score] of ours.entries()) expect(Math.abs(score - before[row]!)).toBeLessThan(1e-5);
  });

  test("counts steps beyond what Float32 can", () => {
    const layer = layerOf(2);
    const far = 3 * 2 ** 24 + 5;
    expect(layer.load(new Map(), { ...stateOf(layer), step: far })).toBe(true);
    layer.train(encoding(1), [0], [1]);
    expect([...layer.row(0).subarray(-2)]).toEqual([3, 6]);
    const again = layerOf(2);
    expect(again.load(new Map([[0, layer.row(0)]]), stateOf(layer))).toBe(true);
    expect(again.row(0)).toEqual(layer.row(0));
  });

  test("refuses rows of another size or with a number that is not finite, and keeps its own", () => {
    const layer = layerOf(2);
    const own = rowsOf(layer);
    const state = { ...stateOf(layer), step: 7 };
    expect(layer.load(new Map([[0, new Float32Array(3)]]), state)).toBe(false);
    expect(layer.load(new Map([[0, own.get(0)!.with(2, Number.NaN)]]), state)).toBe(false);
    expect(layer.load(new Map([[0.5, own.get(0)!]]), state)).toBe(false);
    expect(rowsOf(layer)).toEqual(own);
    expect(layer.state.step).toBe(0);
  });
});
