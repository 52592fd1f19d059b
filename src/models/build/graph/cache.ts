import type { Value } from "./graph.ts";
import { ALL, BATCH, type Inputs, PAST } from "./inputs.ts";
import * as op from "./operators.ts";

/**
 * A layer's keys or values with those of earlier tokens, which are an input, and all together an output that the next run
 * can go on from: [batch, heads, tokens, size] → [batch, heads, all, size]. As they are where the graph has no cache.
 */
export function withPast(inputs: Inputs, x: Value, layer: number, part: "key" | "value"): Value {
  if (!inputs.hasPast) return x;
  const [, heads, , size] = x.shape as [unknown, number, unknown, number];
  const g = inputs.graph;
  const past = g.input(`past_key_values.${layer}.${part}`, x.element, [BATCH, heads, PAST, size]);
  const all = op.concat(g, [past, x], 2, ALL);
  g.output(`present.${layer}.${part}`, all);
  return all;
}
