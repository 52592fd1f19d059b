import { ELEMENT } from "../../onnx/onnx.ts";
import type { Graph, Size, Value } from "./graph.ts";
import { BATCH, TOKENS } from "./inputs.ts";
import * as op from "./operators.ts";
import { unsupported } from "./parameters.ts";

/**
 * [batch, tokens, heads × size] → [batch, heads, tokens, size].
 * @throws Failure `model.unsupported` for heads that do not part it evenly
 */
export function splitHeads(g: Graph, x: Value, heads: number): Value {
  const width = x.shape[2] as number;
  const size = width / heads;
  if (!Number.isInteger(size))
    throw unsupported(`config.json has ${heads} heads, which do not part ${width} numbers evenly`);
  return op.transpose(g, op.reshape(g, x, x.shape[0]!, x.shape[1]!, heads, size), 0, 2, 1, 3);
}

/** [batch, heads, tokens, size] → [batch, tokens, heads × size]. */
function joinHeads(g: Graph, x: Value): Value {
  const [batch, heads, tokens, size] = x.shape as [Size, number, Size, number];
  return op.reshape(g, op.transpose(g, x, 0, 2, 1, 3), batch, tokens, heads * size);
}

export interface Attention {
  /** [batch, heads, tokens, size] */
  query: Value;
  /** [batch, heads, all, size], or fewer heads: each of them serves several of the query's in a row. */
  key: Value;
  value: Value;
  /** Added to the scores before the softmax, in 32 bits; goes with [batch, heads, tokens, all]. */
  bias: Value;
  /** What the products of queries and keys are multiplied by; 1 where that was done. */
  factor: number;
}

/** `attend` by products over the square root of a head's size, of rows with all heads side by side: [batch, tokens, heads × size]. */
export function attendHeads(
  g: Graph,
  heads: number,
  { query, key, value, bias }: Omit<Attention, "factor">,
): Value {
  const [rows, keys, values] = [query, key, value].map((x) => splitHeads(g, x, heads)) as [
    Value,
    Value,
    Value,
  ];
  const factor = (rows.shape[3] as number) ** -0.5;
  return attend(g, { query: rows, key: keys, value: values, bias, factor });
}

/** Each query's mean of the values, weighted by how well the keys fit: [batch, tokens, heads × size]. */
export function attend(g: Graph, { query, key, value, bias, factor }: Attention): Value {
  const [, heads, , size] = query.shape as [Size, number, Size, number];
  const [, groups, all] = key.shape as [Size, number, Size];
  if (heads % groups !== 0)
    throw unsupported(`config.json has ${heads} heads, which do not share the keys of ${groups} evenly`);
  // Heads with the same keys are rows of one product: nothing is repeated.
  const isGrouped = groups !== heads;
  const rows = op.scale(g, query, factor);
  const grouped = isGrouped ? op.reshape(g, rows, BATCH, groups, "heads of a group × tokens", size) : rows;
  const scores = op.product(g, grouped, op.transpose(g, key, 0, 1, 3, 2));
  const own = isGrouped ? op.reshape(g, scores, BATCH, heads, TOKENS, all) : scores;
  const weights = op.cast(g, op.softmax(g, op.add(g, op.cast(g, own, ELEMENT.float), bias)), query.element);
  const shares = isGrouped
    ? op.reshape(g, weights, BATCH, groups, "heads of a group × tokens", all)
    : weights;
  const mixed = op.product(g, shares, value);
  return joinHeads(g, isGrouped ? op.reshape(g, mixed, BATCH, heads, TOKENS, size) : mixed);
}
