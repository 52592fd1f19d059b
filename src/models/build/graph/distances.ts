import { ELEMENT } from "../../onnx/onnx.ts";
import type { Value } from "./graph.ts";
import { type Inputs, TOKENS } from "./inputs.ts";
import * as op from "./operators.ts";

/**
 * A number for each distance between two tokens of a row, from −(maxTokens − 1) to maxTokens − 1.
 * @param bucket of a distance
 */
export function bucketsByDistance(maxTokens: number, bucket: (distance: number) => number): Int32Array {
  return Int32Array.from({ length: 2 * maxTokens - 1 }, (_, at) => bucket(at - maxTokens + 1));
}

/** Where the distance of each key from each query, key − query, stands in a list of all of them: [tokens, tokens]. */
export function distances(inputs: Inputs, maxTokens: number): Value {
  const g = inputs.graph;
  const { tokens } = inputs.lengths();
  const at = op.range(g, op.cast(g, g.integer(0), ELEMENT.int32), op.cast(g, tokens, ELEMENT.int32), TOKENS);
  const apart = op.subtract(g, op.unsqueeze(g, at, 0), op.unsqueeze(g, at, 1));
  return op.add(g, apart, g.constant(Int32Array.of(maxTokens - 1), []));
}
