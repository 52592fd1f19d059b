import { z } from "zod";
import { Inputs } from "../graph/inputs.ts";
import { type Architecture, checkLength, readConfig } from "./architecture.ts";
import { bertConfig, encodeBert } from "./bert.ts";
import { giveEncoded } from "./encoder.ts";

const robertaConfig = bertConfig.extend({
  layer_norm_eps: z.number().positive().default(1e-5),
  pad_token_id: z.number().int().nonnegative().default(1),
});

/** BERT whose positions are counted from the padding's id on; Liu et al. 2019. DistilRoBERTa is one of fewer layers. */
export const roberta: Architecture = {
  unused: /^lm_head\.|(^|\.)pooler\.|^classifier\./,
  build({ layers, config, head, maxTokens }) {
    const own = readConfig(robertaConfig, config);
    const first = own.pad_token_id + 1;
    checkLength(maxTokens, own.max_position_embeddings - first);
    const prefix = layers.parameters.prefix(["roberta.", ""], "embeddings.word_embeddings.weight");
    const inputs = new Inputs(layers.graph);
    const hidden = encodeBert(inputs, own, { layers, prefix, positions: inputs.positions(first) });
    giveEncoded(layers, inputs, hidden, { head, dense: "classifier.dense", out: "classifier.out_proj" });
  },
};
