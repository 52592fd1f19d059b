import { z } from "zod";
import type { RopeScaling } from "../graph/frequencies.ts";
import { unsupported } from "../graph/parameters.ts";
import { size } from "./architecture.ts";

const factor = z.number().min(1);
const positive = z.number().positive();
/** Written by transformers from 5.0 on, where it stands beside how angles are scaled. */
const theta = { rope_theta: positive.optional() };

const KINDS = [
  z.strictObject({ rope_type: z.literal("default"), ...theta }),
  z.strictObject({ rope_type: z.literal("linear"), factor, ...theta }),
  z.strictObject({
    rope_type: z.literal("llama3"),
    factor,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: size,
    ...theta,
  }),
  z.strictObject({
    rope_type: z.literal("yarn"),
    factor,
    attention_factor: positive.nullish(),
    mscale: positive.nullish(),
    mscale_all_dim: positive.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    truncate: z.boolean().nullish(),
    original_max_position_embeddings: size.nullish(),
    ...theta,
  }),
] as const;

/** `type` is the older name of `rope_type`; some checkpoints have both. */
export const ropeSchema = z
  .preprocess(
    (value) => {
      if (typeof value !== "object" || value === null) return value;
      const { type, ...rest } = value as Record<string, unknown>;
      return type === undefined || ("rope_type" in rest && rest.rope_type !== type)
        ? value
        : { ...rest, rope_type: type };
    },
    z.discriminatedUnion("rope_type", KINDS, {
      error: (issue) =>
        issue.code === "invalid_union" ? "only default, linear, llama3 and yarn are" : undefined,
    }),
  )
  .nullish();

interface RopeConfig {
  rope_theta: number;
  rope_scaling?: z.infer<typeof ropeSchema>;
  rope_parameters?: z.infer<typeof ropeSchema>;
  max_position_embeddings: number;
}

/** How a model's positions become angles. @throws Failure `model.unsupported` for a config that says it in two ways */
export function ropeOf(config: RopeConfig): { theta: number; scaling: RopeScaling | undefined } {
  const { rope_scaling: older, rope_parameters: newer } = config;
  if (older && newer) throw unsupported("config.json has both rope_scaling and rope_parameters");
  const told = newer ?? older;
  return { theta: told?.rope_theta ?? config.rope_theta, scaling: scalingOf(told, config) };
}

function scalingOf(told: z.infer<typeof ropeSchema>, config: RopeConfig): RopeScaling | undefined {
  if (!told || told.rope_type === "default") return undefined;
  if (told.rope_type === "linear") return { kind: "linear", factor: told.factor };
  const originalTokens = told.original_max_position_embeddings ?? config.max_position_embeddings;
  if (told.rope_type === "llama3")
    return {
      kind: "llama3",
      factor: told.factor,
      lowFactor: told.low_freq_factor,
      highFactor: told.high_freq_factor,
      originalTokens,
    };
  return {
    kind: "yarn",
    factor: told.factor,
    attentionFactor: told.attention_factor ?? undefined,
    mscale: told.mscale ?? undefined,
    mscaleAllDim: told.mscale_all_dim ?? undefined,
    betaFast: told.beta_fast ?? 32,
    betaSlow: told.beta_slow ?? 1,
    truncates: told.truncate ?? true,
    originalTokens,
  };
}
