import { z } from "zod";
import { type Architecture, off, readConfig } from "./architecture.ts";
import { decode, llama, llamaConfig } from "./llama.ts";

const qwen3Config = llamaConfig.extend({
  use_sliding_window: off,
  layer_types: z.array(z.literal("full_attention")).nullish(),
});

/** Llama with a norm of each head's queries and keys; Qwen team 2025. */
export const qwen3: Architecture = {
  unused: llama.unused,
  build(plan) {
    decode(plan, readConfig(qwen3Config, plan.config), { hasHeadNorms: true });
  },
};
