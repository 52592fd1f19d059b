import { z } from "zod";
import { attend, splitHeads } from "../graph/attention.ts";
import { withPast } from "../graph/cache.ts";
import type { Value } from "../graph/graph.ts";
import { causalBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { Rotary } from "../graph/rotary.ts";
import { type Architecture, activation, checkLength, off, readConfig, size } from "./architecture.ts";
import { decoderInputs, giveDecoded } from "./decoder.ts";

const gptjConfig = z.object({
  vocab_size: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullish(),
  n_positions: size,
  rotary_dim: size,
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: activation,
  tie_word_embeddings: off,
});

/** Causal layers whose two halves read the same norm; turned queries and keys; Wang and Komatsuzaki 2021. */
export const gptj: Architecture = {
  unused: /^lm_head\.|^score\.|attn\.(masked_)?bias$|attn\.embed_positions$/,
  build({ layers, config, head, maxTokens }) {
    const { graph: g, parameters } = layers;
    const own = readConfig(gptjConfig, config);
    checkLength(maxTokens, own.n_positions);
    const { n_embd: width, n_head: heads, layer_norm_epsilon: epsilon } = own;
    const prefix = parameters.prefix(["transformer.", ""], "wte.weight");
    const inputs = decoderInputs(layers, head);
    const bias = causalBias(inputs);
    const rotary = new Rotary(g, inputs.positions(), layers.element, {
      maxTokens,
      dimensions: own.rotary_dim,
      theta: 10_000,
      areNeighbours: true,
    });
    const normOf = (at: number): string => `${prefix}h.${at}.ln_1`;
    let x = layers.lookUp(inputs.ids, `${prefix}wte`, [own.vocab_size, width]);
    let normed = layers.layerNorm(x, normOf(0), epsilon);
    for (let at = 0; at < own.n_layer; at++) {
      const layer = `${prefix}h.${at}.`;
      const before = normed;
      const part = (name: string): Value =>
        splitHeads(g, layers.linear(before, `${layer}attn.${name}_proj`, width, { hasBias: false }), heads);
      const mixed = attend(g, {
        query: rotary.turn(part("q")),
        key: withPast(inputs, rotary.turn(part("k")), at, "key"),
        value: withPast(inputs, part("v"), at, "value"),
        bias,
        factor: (width / heads) ** -0.5,
      });
      const seen = layers.linear(mixed, `${layer}attn.out_proj`, width, { hasBias: false });
      const wide = layers.linear(before, `${layer}mlp.fc_in`, own.n_inner ?? 4 * width);
      const thought = layers.linear(own.activation_function(g, wide), `${layer}mlp.fc_out`, width);
      const added = op.add(g, seen, thought);
      // What comes after the last layer norms what it wants of it.
      if (at === own.n_layer - 1) x = op.add(g, added, x);
      else ({ sum: x, normed } = layers.addLayerNorm(added, x, normOf(at + 1), epsilon));
    }
    giveDecoded(layers, inputs, x, {
      head,
      finish: (last) => layers.layerNorm(last, `${prefix}ln_f`, epsilon),
      vocabulary: own.vocab_size,
      hasBias: true,
    });
  },
};
