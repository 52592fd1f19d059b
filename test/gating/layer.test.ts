import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatingLayer } from "../../src/gating/layer.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import golden from "../golden/gating/training.json";

const HIDDEN = 6;
const layerOf = (rows: number, more: { learningRate?: number; seed?: number } = {}): GatingLayer =>
  new GatingLayer({
    hidden: HIDDEN,
    rows,
    learningRate: more.learningRate ?? 0.5,
    momentum: 0.9,
    random: seededRandom(more.seed ?? 1),
  });
const encoding = (seed: number): Float32Array => {
  const random = seededRandom(seed);
  const raw = Float32Array.from({ length: HIDDEN }, () => random() - 0.5);
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
};
const rowOf = (layer: GatingLayer, row: number): number[] => {
  const { weights, bias, weightsVelocity, biasVelocity } = layer.save();
  const part = (values: Float32Array): number[] => [...values.subarray(row * HIDDEN, (row + 1) * HIDDEN)];
  return [...part(weights), bias[row]!, ...part(weightsVelocity), biasVelocity[row]!];
};

describe("the gating layer", () => {
  test("starts with bias 0 and weights that fill the Xavier range of a row", () => {
    const { weights, bias, weightsVelocity } = layerOf(200).save();
    const bound = Math.sqrt(6 / (HIDDEN + 1));
    expect(Math.max(...weights)).toBeLessThanOrEqual(bound);
    expect(Math.max(...weights)).toBeGreaterThan(0.97 * bound);
    expect(Math.min(...weights)).toBeLessThan(-0.97 * bound);
    expect(Math.abs(weights.reduce((sum, value) => sum + value, 0) / weights.length)).toBeLessThan(0.05);
    expect([...bias, ...weightsVelocity].every((value) => value === 0)).toBe(true);
  });

  test("ends where forty steps of SGD with momentum end in Python, to 1e-6", () => {
    const { hidden, rows, learningRate, momentum } = golden;
    const layer = new GatingLayer({ hidden, rows, learningRate, momentum, random: () => 0.5 });
    const zeros = (length: number): Float32Array => new Float32Array(length);
    const loaded = layer.load({
      weights: new Float32Array(golden.start),
      bias: zeros(rows),
      weightsVelocity: zeros(rows * hidden),
      biasVelocity: zeros(rows),
    });
    expect(loaded).toBe(true);
    for (const step of golden.steps) {
      const loss = layer.train(new Float32Array(step.encoding), step.asked, step.rewards);
      expect(Math.abs(loss - step.loss)).toBeLessThan(1e-6);
    }
    const { weights, bias } = layer.save();
    for (const [at, weight] of weights.entries())
      expect(Math.abs(weight - golden.weights[at]!)).toBeLessThan(1e-6);
    for (const [row, value] of bias.entries()) expect(Math.abs(value - golden.bias[row]!)).toBeLessThan(1e-6);
  });

  test("loses less and less on the same step, and ends with the miners in the order of their rewards", () => {
    const layer = layerOf(5, { learningRate: 1 });
    const rewards = [0.1, 0.9, 0.5, 0, 0.7];
    const losses = Array.from({ length: 400 }, () => layer.train(encoding(7), [0, 1, 2, 3, 4], rewards));
    expect(losses[399]!).toBeLessThan(losses[0]! / 1000);
    const order = (values: ArrayLike<number>): number[] =>
      [0, 1, 2, 3, 4].sort((a, b) => values[b]! - values[a]!);
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
          const layer = layerOf(8, { learningRate, seed });
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

  test("initialises one row anew and no other", () => {
    const layer = layerOf(4);
    for (let step = 0; step < 10; step++) layer.train(encoding(step), [0, 1, 2, 3], [1, 0, 0.5, 0.2]);
    const before = [0, 1, 2, 3].map((row) => rowOf(layer, row));
    layer.resetRow(1);
    for (const row of [0, 2, 3]) expect(rowOf(layer, row)).toEqual(before[row]!);
    const [fresh, old] = [rowOf(layer, 1), before[1]!];
    expect(fresh[0]).not.toBe(old[0]!);
    expect(fresh.slice(HIDDEN)).toEqual(new Array(HIDDEN + 2).fill(0));
  });

  test("grows by fresh rows and shrinks by the last ones", () => {
    const layer = layerOf(3);
    layer.train(encoding(1), [0, 1, 2], [1, 0, 0]);
    const before = [0, 1, 2].map((row) => rowOf(layer, row));
    layer.resize(5);
    expect(layer.rows).toBe(5);
    for (const row of [0, 1, 2]) expect(rowOf(layer, row)).toEqual(before[row]!);
    for (const row of [3, 4])
      expect(
        rowOf(layer, row)
          .slice(0, HIDDEN)
          .some((value) => value !== 0),
      ).toBe(true);
    layer.resize(2);
    expect(layer.rows).toBe(2);
    expect(rowOf(layer, 1)).toEqual(before[1]!);
  });

  test("refuses arrays that do not fit each other or are not finite, and keeps its own", () => {
    const layer = layerOf(2);
    const own = layer.save();
    expect(layer.load({ ...own, bias: new Float32Array(3) })).toBe(false);
    expect(layer.load({ ...own, weightsVelocity: new Float32Array(1) })).toBe(false);
    expect(layer.load({ ...own, bias: Float32Array.of(0, Number.NaN) })).toBe(false);
    expect(layer.save()).toEqual(own);
  });
});
