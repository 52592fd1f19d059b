import { z } from "zod";
import { attend, splitHeads } from "../graph/attention.ts";
import { withPast } from "../graph/cache.ts";
import type { Value } from "../graph/graph.ts";
import type { Normed } from "../graph/layers.ts";
import { causalBias } from "../graph/masks.ts";
import * as op from "../graph/operators.ts";
import { Rotary } from "../graph/rotary.ts";
import {
  type Architecture,
  activation,
  checkLength,
  off,
  type Plan,
  readConfig,
  size,
} from "./architecture.ts";
import { decoderInputs, giveDecoded } from "./decoder.ts";
import { ropeOf, ropeSchema } from "./rope.ts";

export const llamaConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  intermediate_size: size,
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: activation,
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: ropeSchema,
  rope_parameters: ropeSchema,
  partial_rotary_factor: z.literal(1).nullish(),
  rope_interleaved: off,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
});
type LlamaConfig = z.infer<typeof llamaConfig>;

/** Causal layers with turned queries and keys, grouped heads and a gate; Touvron et al. 2023. */
export const llama: Architecture = {
  unused: /^lm_head\.|^score\.|rotary_emb\.inv_freq$/,
  build(plan) {
    decode(plan, readConfig(llamaConfig, plan.config));
  },
};

/** @param hasHeadNorms whether each head's queries and keys are scaled, as in Qwen 3 */
export function decode(plan: Plan, own: LlamaConfig, { hasHeadNorms = false } = {}): void {
  const { layers, head, maxTokens } = plan;
  const { graph: g, parameters } = layers;
  checkLength(maxTokens, own.max_position_embeddings);
  const { hidden_size: width, num_attention_heads: heads } = own;
  const groups = own.num_key_value_heads ?? heads;
  const headSize = own.head_dim ?? width / heads;
  const prefix = parameters.prefix(["model.", ""], "embed_tokens.weight");
  const inputs = decoderInputs(layers, head);
  const bias = causalBias(inputs);
  const rotary = new Rotary(g, inputs.positions(), layers.element, {
    maxTokens,
    dimensions: headSize,
    ...ropeOf(own),
  });
  const norm = (x: Value, name: string): Value => layers.rmsNorm(x, name, own.rms_norm_eps);
  const addNorm = (x: Value, y: Value, name: string): Normed =>
    layers.addRmsNorm(x, y, name, own.rms_norm_eps);
  const normOf = (at: number): string => `${prefix}layers.${at}.input_layernorm`;
  let x = layers.lookUp(inputs.ids, `${prefix}embed_tokens`, [own.vocab_size, width]);
  let normed = norm(x, normOf(0));
  for (let at = 0; at < own.num_hidden_layers; at++) {
    const layer = `${prefix}layers.${at}.`;
    const before = normed;
    const part = (name: string, count: number): Value => {
      const projected = layers.linear(before, `${layer}self_attn.${name}_proj`, count * headSize, {
        hasBias: own.attention_bias,
      });
      const split = splitHeads(g, projected, count);
      return hasHeadNorms && name !== "v" ? norm(split, `${layer}self_attn.${name}_norm`) : split;
    };
    const mixed = attend(g, {
      query: rotary.turn(part("q", heads)),
      key: withPast(inputs, rotary.turn(part("k", groups)), at, "key"),
      value: withPast(inputs, part("v", groups), at, "value"),
      bias,
      factor: headSize ** -0.5,
    });
    const seen = layers.linear(mixed, `${layer}self_attn.o_proj`, width, { hasBias: own.attention_bias });
    const { sum, normed: ready } = addNorm(x, seen, `${layer}post_attention_layernorm`);
    const wide = (name: string): Value =>
      layers.linear(ready, `${layer}mlp.${name}_proj`, own.intermediate_size, { hasBias: own.mlp_bias });
    const gated = op.multiply(g, own.hidden_act(g, wide("gate")), wide("up"));
    const thought = layers.linear(gated, `${layer}mlp.down_proj`, width, { hasBias: own.mlp_bias });
    // What comes after the last layer norms what it wants of it.
    if (at === own.num_hidden_layers - 1) x = op.add(g, sum, thought);
    else ({ sum: x, normed } = addNorm(sum, thought, normOf(at + 1)));
  }
  giveDecoded(layers, inputs, x, {
    head,
    finish: (last) => norm(last, `${prefix}norm`),
    tied: own.tie_word_embeddings ? `${prefix}embed_tokens.weight` : undefined,
    vocabulary: own.vocab_size,
  });
}
