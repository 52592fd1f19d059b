import { ELEMENT } from "../../onnx/onnx.ts";
import type { Value } from "./graph.ts";
import { type Inputs, TOKENS } from "./inputs.ts";
import * as op from "./operators.ts";

/** What is added to a score that does not count: finite, so that a row of padding alone gives numbers as well. */
const HIDDEN = 1e9;

/** What is added to the scores of padding, [batch, 1, 1, all], in 32 bits. */
export function paddingBias(inputs: Inputs): Value {
  const g = inputs.graph;
  return biasOf(inputs, op.unsqueeze(g, op.cast(g, inputs.mask, ELEMENT.float), 1, 2));
}

/**
 * What is added to the scores of padding and of later tokens, [batch, 1, tokens, all], in 32 bits.
 * @param window how many tokens a token sees, itself included; all before it unless given
 */
export function causalBias(inputs: Inputs, window?: number): Value {
  const g = inputs.graph;
  const { past, all } = inputs.lengths();
  const single = (x: Value): Value => op.cast(g, x, ELEMENT.float);
  const queries = op.unsqueeze(g, op.range(g, single(past), single(all), TOKENS), 1);
  const keys = op.range(g, single(g.integer(0)), single(all), inputs.mask.shape[1]!);
  let seen = single(op.isAtLeast(g, queries, keys));
  if (window !== undefined) {
    const near = op.isLess(g, op.subtract(g, queries, keys), g.number(window));
    seen = op.multiply(g, seen, single(near));
  }
  const shown = op.unsqueeze(g, single(inputs.mask), 1, 2);
  return biasOf(inputs, op.multiply(g, shown, seen));
}

/** 1 → 0, 0 → a number that leaves nothing of a score. */
function biasOf({ graph: g }: Inputs, shown: Value): Value {
  return op.scale(g, op.subtract(g, shown, g.number(1)), HIDDEN);
}
