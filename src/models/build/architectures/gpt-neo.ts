import { z } from "zod";
import { attend, splitHeads } from "../graph/attention.ts";
import { withPast } from "../graph/cache.ts";
import type { Value } from "../graph/graph.ts";
import { causalBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { type Architecture, activation, checkLength, readConfig, size } from "./architecture.ts";
import { decoderInputs, giveDecoded } from "./decoder.ts";

const KINDS = ["global", "local"] as const;

const gptNeoConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_layers: size,
  num_heads: size,
  intermediate_size: size.nullish(),
  max_position_embeddings: size,
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: activation,
  window_size: size,
  /** Patterns of layers, each with how often it comes. */
  attention_types: z.array(z.tuple([z.array(z.enum(KINDS)), size])),
  tie_word_embeddings: z.boolean().default(true),
});

/** Causal layers that see everything before, or the last tokens only, in turn; Black et al. 2021. */
export const gptNeo: Architecture = {
  unused: /^lm_head\.|^score\.|attn\.attention\.(masked_)?bias$/,
  build({ layers, config, head, maxTokens }) {
    const { graph: g, parameters } = layers;
    const own = readConfig(gptNeoConfig, config);
    checkLength(maxTokens, own.max_position_embeddings);
    const { hidden_size: width, num_heads: heads, layer_norm_epsilon: epsilon } = own;
    const prefix = parameters.prefix(["transformer.", ""], "wte.weight");
    const inputs = decoderInputs(layers, head);
    const bias = { global: causalBias(inputs), local: causalBias(inputs, own.window_size) };
    const kinds = own.attention_types.flatMap(([pattern, times]) =>
      Array.from({ length: times }, () => pattern).flat(),
    );
    const words = layers.lookUp(inputs.ids, `${prefix}wte`, [own.vocab_size, width]);
    const places = layers.lookUp(inputs.positions(), `${prefix}wpe`, [own.max_position_embeddings, width]);
    const normOf = (at: number): string => `${prefix}h.${at}.ln_1`;
    let { sum: x, normed } = layers.addLayerNorm(words, places, normOf(0), epsilon);
    for (let at = 0; at < own.num_layers; at++) {
      const layer = `${prefix}h.${at}.`;
      const before = normed;
      const part = (name: string): Value => {
        const tensor = `${layer}attn.attention.${name}_proj`;
        return splitHeads(g, layers.linear(before, tensor, width, { hasBias: false }), heads);
      };
      const mixed = attend(g, {
        query: part("q"),
        key: withPast(inputs, part("k"), at, "key"),
        value: withPast(inputs, part("v"), at, "value"),
        bias: bias[kinds[at]!],
        // Its authors do not scale the products.
        factor: 1,
      });
      const seen = layers.linear(mixed, `${layer}attn.attention.out_proj`, width);
      const { sum, normed: ready } = layers.addLayerNorm(x, seen, `${layer}ln_2`, epsilon);
      const wide = layers.linear(ready, `${layer}mlp.c_fc`, own.intermediate_size ?? 4 * width);
      const thought = layers.linear(own.activation_function(g, wide), `${layer}mlp.c_proj`, width);
      // What comes after the last layer norms what it wants of it.
      if (at === own.num_layers - 1) x = op.add(g, sum, thought);
      else ({ sum: x, normed } = layers.addLayerNorm(sum, thought, normOf(at + 1), epsilon));
    }
    giveDecoded(layers, inputs, x, {
      head,
      finish: (last) => layers.layerNorm(last, `${prefix}ln_f`, epsilon),
      tied: own.tie_word_embeddings ? `${prefix}wte.weight` : undefined,
      vocabulary: own.vocab_size,
    });
  },
};
