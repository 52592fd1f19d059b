import { z } from "zod";
import { ELEMENT } from "../../onnx/onnx.ts";
import { attend, splitHeads } from "../graph/attention.ts";
import { bucketsByDistance, distances } from "../graph/distances.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import { Inputs, TOKENS } from "../graph/inputs.ts";
import { paddingBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { type Architecture, absent, activation, checkLength, readConfig, size } from "./architecture.ts";
import { encode, giveEncoded, type LayerNames } from "./encoder.ts";

const KINDS = ["c2p", "p2c"] as const;

const debertaConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  attention_head_size: absent,
  intermediate_size: size,
  max_position_embeddings: size,
  type_vocab_size: z.literal(0),
  layer_norm_eps: z.number().positive().default(1e-7),
  hidden_act: activation,
  relative_attention: z.literal(true),
  /** Distances beyond half of them share buckets by powers; −1 for a bucket each. */
  position_buckets: z.number().int().default(-1),
  max_relative_positions: z.number().int().default(-1),
  position_biased_input: z.literal(false),
  norm_rel_ebd: z.enum(["layer_norm", "none"]).default("none"),
  share_att_key: z.boolean().default(false),
  pos_att_type: z
    .union([z.string().transform((text) => text.split("|")), z.array(z.string())])
    .pipe(z.array(z.enum(KINDS))),
  conv_kernel_size: z.literal(0).nullish(),
  pooler_hidden_act: activation.prefault("gelu"),
});

const DEBERTA_LAYER: LayerNames = {
  query: "attention.self.query_proj",
  key: "attention.self.key_proj",
  value: "attention.self.value_proj",
  mix: "attention.output.dense",
  mixNorm: "attention.output.LayerNorm",
};

/** Attention of words and of relative positions to each other; He et al. 2020, as DeBERTa v3 has it. */
export const debertaV2: Architecture = {
  unused: /^lm_predictions\.|^mask_predictions\.|^cls\.|^pooler\.|^classifier\./,
  build({ layers, config, head, maxTokens }) {
    const { graph: g, parameters } = layers;
    const own = readConfig(debertaConfig, config);
    checkLength(maxTokens, own.max_position_embeddings);
    const prefix = parameters.prefix(["deberta.", ""], "embeddings.word_embeddings.weight");
    const inputs = new Inputs(g);
    const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: epsilon } = own;
    const words = layers.lookUp(inputs.ids, `${prefix}embeddings.word_embeddings`, [own.vocab_size, width]);
    const embedded = layers.layerNorm(words, `${prefix}embeddings.LayerNorm`, epsilon);

    const most = own.max_relative_positions < 1 ? own.max_position_embeddings : own.max_relative_positions;
    const span = own.position_buckets > 0 ? own.position_buckets : most;
    const table = layers.few(`${prefix}encoder.rel_embeddings.weight`, [2 * span, width]);
    const relative =
      own.norm_rel_ebd === "none" ? table : layers.layerNorm(table, `${prefix}encoder.LayerNorm`, epsilon);
    const positions = op.unsqueeze(g, relative, 0);
    const places = placesOf(inputs, maxTokens, span, (distance) =>
      own.position_buckets > 0 ? bucketOf(distance, own.position_buckets, most) : distance,
    );
    const padding = paddingBias(inputs);
    // Each kind of attention to positions widens the scores as the one to words does.
    const factor = ((width / heads) * (1 + own.pos_att_type.length)) ** -0.5;

    /** What a layer's projection makes of the relative positions: [1, heads, size, 2 × span]. */
    const projected = (layer: string, kind: "key" | "query"): Value => {
      const shared = `${layer}${DEBERTA_LAYER[kind]}`;
      const name = own.share_att_key ? shared : `${layer}attention.self.pos_${kind}_proj`;
      return op.transpose(g, splitHeads(g, layers.linear(positions, name, width), heads), 0, 1, 3, 2);
    };
    const hidden = encode(layers, embedded, {
      prefix,
      names: DEBERTA_LAYER,
      size: own,
      attend: (wholeQuery, wholeKey, wholeValue, layer) => {
        const query = op.scale(g, splitHeads(g, wholeQuery, heads), factor);
        const key = splitHeads(g, wholeKey, heads);
        let bias = padding;
        if (own.pos_att_type.includes("c2p"))
          bias = op.add(g, bias, pick(g, op.product(g, query, projected(layer, "key")), places.byQuery));
        if (own.pos_att_type.includes("p2c")) {
          const scaled = op.scale(g, projected(layer, "query"), factor);
          bias = op.add(g, bias, pick(g, op.product(g, key, scaled), places.byKey));
        }
        return attend(g, { query, key, value: splitHeads(g, wholeValue, heads), bias, factor: 1 });
      },
    });
    giveEncoded(layers, inputs, hidden, {
      head,
      dense: "pooler.dense",
      out: "classifier",
      act: own.pooler_hidden_act,
    });
  },
};

/**
 * Where the scores of [queries, keys] stand in a flat list, in the queries' rows of 2 × span distances and in the keys'.
 * One index serves all rows, heads and layers; an index for each, as the original makes it, is four times all scores.
 */
function placesOf(
  inputs: Inputs,
  maxTokens: number,
  span: number,
  bucket: (distance: number) => number,
): { byQuery: Value; byKey: Value } {
  const g = inputs.graph;
  const { tokens } = inputs.lengths();
  // Buckets are of query − key, and the list of distances is of key − query.
  const buckets = bucketsByDistance(maxTokens, (distance) =>
    Math.min(2 * span - 1, Math.max(0, bucket(-distance) + span)),
  );
  const near = op.gather(g, g.constant(buckets), distances(inputs, maxTokens));
  const whole = (x: Value): Value => op.cast(g, x, ELEMENT.int32);
  const starts = op.multiply(
    g,
    op.range(g, whole(g.integer(0)), whole(tokens), TOKENS),
    g.constant(Int32Array.of(2 * span), []),
  );
  return {
    byQuery: op.add(g, near, op.unsqueeze(g, starts, 1)),
    byKey: op.add(g, near, op.unsqueeze(g, starts, 0)),
  };
}

/** Scores [batch, heads, tokens, 2 × span] as [batch, heads, queries, keys], in 32 bits. */
function pick(g: Graph, scores: Value, places: Value): Value {
  const [batch, heads] = scores.shape as Shape;
  const flat = op.reshape(g, scores, batch!, heads!, "tokens × distances");
  return op.cast(g, op.gather(g, flat, places, 2), ELEMENT.float);
}

/** As transformers' make_log_bucket_position, in 32 bits as it is there. */
export function bucketOf(distance: number, count: number, most: number): number {
  const middle = Math.trunc(count / 2);
  const away = Math.abs(distance);
  if (away <= middle) return distance;
  const log = (x: number): number => Math.fround(Math.log(Math.fround(x)));
  const power = Math.fround(log(away / middle) / log((most - 1) / middle));
  return Math.sign(distance) * (Math.ceil(Math.fround(power * (middle - 1))) + middle);
}
