import { z } from "zod";
import { ELEMENT } from "../../onnx/onnx.ts";
import { attendHeads } from "../graph/attention.ts";
import { bucketsByDistance, distances } from "../graph/distances.ts";
import { Inputs } from "../graph/inputs.ts";
import { paddingBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { type Architecture, activation, checkLength, readConfig, size } from "./architecture.ts";
import { encode, giveEncoded, type LayerNames } from "./encoder.ts";

const mpnetConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  relative_attention_num_buckets: size.default(32),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: activation,
});

const MPNET_LAYER: LayerNames = {
  query: "attention.attn.q",
  key: "attention.attn.k",
  value: "attention.attn.v",
  mix: "attention.attn.o",
  mixNorm: "attention.LayerNorm",
};
/** Of the embeddings' first position; transformers has it fixed. */
const PADDING = 1;
/** Distances from which on all are in the last bucket; transformers has it fixed. */
const MAX_DISTANCE = 128;

/** BERT with scores of relative positions, the same in all layers; Song et al. 2020. */
export const mpnet: Architecture = {
  unused: /^lm_head\.|(^|\.)pooler\.|^classifier\./,
  build({ layers, config, head, maxTokens }) {
    const { graph: g, parameters } = layers;
    const own = readConfig(mpnetConfig, config);
    checkLength(maxTokens, own.max_position_embeddings - PADDING - 1);
    const prefix = parameters.prefix(["mpnet.", ""], "embeddings.word_embeddings.weight");
    const inputs = new Inputs(g);
    const [width, heads] = [own.hidden_size, own.num_attention_heads];
    const table = (name: string): string => `${prefix}embeddings.${name}`;
    const words = layers.lookUp(inputs.ids, table("word_embeddings"), [own.vocab_size, width]);
    const places = layers.lookUp(inputs.positions(PADDING + 1), table("position_embeddings"), [
      own.max_position_embeddings,
      width,
    ]);
    const embedded = layers.layerNorm(op.add(g, words, places), table("LayerNorm"), own.layer_norm_eps);

    const count = own.relative_attention_num_buckets;
    const buckets = bucketsByDistance(maxTokens, (distance) => bucketOf(distance, count));
    const scores = layers.few(`${prefix}encoder.relative_attention_bias.weight`, [count, heads]);
    const byDistance = op.transpose(g, op.gather(g, scores, g.constant(buckets)), 1, 0);
    const relative = op.gather(g, op.cast(g, byDistance, ELEMENT.float), distances(inputs, maxTokens), 1);
    const bias = op.add(g, paddingBias(inputs), op.unsqueeze(g, relative, 0));
    const hidden = encode(layers, embedded, {
      prefix,
      names: MPNET_LAYER,
      size: own,
      attend: (query, key, value) => attendHeads(g, heads, { query, key, value, bias }),
    });
    giveEncoded(layers, inputs, hidden, { head, dense: "classifier.dense", out: "classifier.out_proj" });
  },
};

/** The bucket of a key that stands `distance` after its query, as T5 has them: near ones of their own, far ones by powers. */
function bucketOf(distance: number, count: number): number {
  const half = count / 2;
  const exact = half / 2;
  const away = Math.abs(distance);
  const power = Math.fround(Math.log(Math.fround(away / exact))) / Math.log(MAX_DISTANCE / exact);
  const far = Math.min(half - 1, exact + Math.trunc(Math.fround(power * (half - exact))));
  return (distance > 0 ? half : 0) + (away < exact ? away : far);
}
