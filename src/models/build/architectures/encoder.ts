import type { Graph, Value } from "../graph/graph.ts";
import { giveHidden, giveLogits, type Head, tokenAt } from "../graph/heads.ts";
import type { Inputs } from "../graph/inputs.ts";
import type { Layers } from "../graph/layers.ts";
import * as op from "../graph/operators.ts";
import { noHead } from "./architecture.ts";

/** Names of an encoder layer's parts, after the layer's own. */
export interface LayerNames {
  query: string;
  key: string;
  value: string;
  mix: string;
  mixNorm: string;
}

export const BERT_LAYER: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  mix: "attention.output.dense",
  mixNorm: "attention.output.LayerNorm",
};

export interface EncoderSize {
  hidden_size: number;
  num_hidden_layers: number;
  intermediate_size: number;
  layer_norm_eps: number;
  hidden_act: (g: Graph, x: Value) => Value;
}

/** What a layer's attention makes of its three projections, each [batch, tokens, width], and of its name. */
export type Attend = (query: Value, key: Value, value: Value, layer: string) => Value;

/** Layers that add what they compute and scale the sum, as BERT's do. */
export function encode(
  layers: Layers,
  embedded: Value,
  { prefix, names, size, attend }: { prefix: string; names: LayerNames; size: EncoderSize; attend: Attend },
): Value {
  const { graph: g } = layers;
  const width = size.hidden_size;
  let x = embedded;
  for (let at = 0; at < size.num_hidden_layers; at++) {
    const layer = `${prefix}encoder.layer.${at}.`;
    const part = (name: keyof LayerNames): Value => layers.linear(x, layer + names[name], width);
    const mixed = attend(part("query"), part("key"), part("value"), layer);
    const seen = layers.linear(mixed, layer + names.mix, width);
    x = layers.addLayerNorm(x, seen, layer + names.mixNorm, size.layer_norm_eps).normed;
    const wide = layers.linear(x, `${layer}intermediate.dense`, size.intermediate_size);
    const narrow = layers.linear(size.hidden_act(g, wide), `${layer}output.dense`, width);
    x = layers.addLayerNorm(x, narrow, `${layer}output.LayerNorm`, size.layer_norm_eps).normed;
  }
  return x;
}

/**
 * An encoder's output: every token's vector, or classes of the first token's vector, which `dense` turns once more before
 * `out` tells.
 */
export function giveEncoded(
  layers: Layers,
  inputs: Inputs,
  hidden: Value,
  {
    head,
    dense,
    out,
    act = op.tanh,
  }: { head: Head; dense: string; out: string; act?: (g: Graph, x: Value) => Value },
): void {
  const { graph: g } = layers;
  if (head.kind === "hidden") {
    giveHidden(g, hidden);
    return;
  }
  if (head.kind !== "classes") noHead(head.kind);
  const first = tokenAt(inputs, hidden, "first");
  const pooled = act(g, layers.linear(first, dense, hidden.shape[2] as number));
  giveLogits(g, layers.linear(pooled, out, head.labels));
}
