import { z } from "zod";
import type { Memory } from "../base/vocabulary.ts";

const shape = z.object({ encoder: z.string(), hidden: z.int().min(1) });

/**
 * The router's part of a `state.bin` of 0.1.0 as `GatingRouter.load` takes it: there the layer was four arrays, of weights
 * and their velocities [uids, hidden], and of biases and theirs [uids].
 * @returns undefined where it is not of that form
 */
export function routerMemoryOfVersion1(
  json: unknown,
  arrays: Readonly<Record<string, Float32Array>>,
): Memory | undefined {
  const parsed = shape.safeParse(json);
  const { weights, bias, weightsVelocity, biasVelocity } = arrays;
  if (!parsed.success || !weights || !bias || !weightsVelocity || !biasVelocity) return undefined;
  const { hidden } = parsed.data;
  const isWhole = weights.length === bias.length * hidden && weightsVelocity.length === weights.length;
  if (!isWhole || biasVelocity.length !== bias.length) return undefined;
  const gating = new Map<number, Float32Array>();
  for (const [row, own] of bias.entries()) {
    const part = (values: Float32Array): Float32Array => values.subarray(row * hidden, (row + 1) * hidden);
    // All rows were of the same step, from which steps are counted: the last two numbers.
    gating.set(
      row,
      Float32Array.from([...part(weights), own, ...part(weightsVelocity), biasVelocity[row]!, 0, 0]),
    );
  }
  // No row has a step behind it, so these rates are applied to nothing.
  return { json: { ...parsed.data, step: 0, learningRate: 0, momentum: 0 }, tables: { gating } };
}
