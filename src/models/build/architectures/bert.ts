import { z } from "zod";
import { attendHeads } from "../graph/attention.ts";
import type { Value } from "../graph/graph.ts";
import { Inputs } from "../graph/inputs.ts";
import type { Layers } from "../graph/layers.ts";
import { paddingBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { type Architecture, activation, checkLength, off, readConfig, size } from "./architecture.ts";
import { BERT_LAYER, encode, giveEncoded } from "./encoder.ts";

export const bertConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  type_vocab_size: size,
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: activation,
  position_embedding_type: z.literal("absolute").default("absolute"),
  is_decoder: off,
  add_cross_attention: off,
});
type BertConfig = z.infer<typeof bertConfig>;

/** Bidirectional layers with learned positions; Devlin et al. 2018. */
export const bert: Architecture = {
  unused: /^cls\.|(^|\.)pooler\.|^classifier\./,
  build({ layers, config, head, maxTokens }) {
    const own = readConfig(bertConfig, config);
    checkLength(maxTokens, own.max_position_embeddings);
    const prefix = layers.parameters.prefix(["bert.", ""], "embeddings.word_embeddings.weight");
    const inputs = new Inputs(layers.graph);
    const hidden = encodeBert(inputs, own, { layers, prefix, positions: inputs.positions() });
    giveEncoded(layers, inputs, hidden, { head, dense: `${prefix}pooler.dense`, out: "classifier" });
  },
};

/** BERT's body, which RoBERTa has as well: [batch, tokens, width]. */
export function encodeBert(
  inputs: Inputs,
  own: BertConfig,
  { layers, prefix, positions }: { layers: Layers; prefix: string; positions: Value },
): Value {
  const { graph: g } = layers;
  const width = own.hidden_size;
  const table = (name: string): string => `${prefix}embeddings.${name}`;
  // One type alone is the same for all tokens.
  const types = own.type_vocab_size === 1 ? g.integers(0) : inputs.types;
  const words = layers.lookUp(inputs.ids, table("word_embeddings"), [own.vocab_size, width]);
  const places = layers.lookUp(positions, table("position_embeddings"), [own.max_position_embeddings, width]);
  const kinds = layers.lookUp(types, table("token_type_embeddings"), [own.type_vocab_size, width]);
  const sum = op.add(g, op.add(g, words, kinds), places);
  const embedded = layers.layerNorm(sum, table("LayerNorm"), own.layer_norm_eps);
  const heads = own.num_attention_heads;
  const bias = paddingBias(inputs);
  return encode(layers, embedded, {
    prefix,
    names: BERT_LAYER,
    size: own,
    attend: (query, key, value) => attendHeads(g, heads, { query, key, value, bias }),
  });
}
