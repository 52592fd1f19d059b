import { z } from "zod";

/** A path inside the model's folder that cannot leave it. */
const relativePath = z.string().regex(/^(?!\.)[\w.-]+(?:\/(?!\.)[\w.-]+)*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Names of transformers.js; each stands for a file name (q8 is model_quantized.onnx). */
const dtype = z.enum(["fp32", "fp16", "q8", "q4", "q4f16"]);

const file = z.object({
  path: relativePath,
  size: z.number().int().positive(),
  sha256,
  /** Only for weights; a file without it belongs to every dtype. */
  dtype: dtype.optional(),
});

/** models/manifests/*.json: what is known of a model before a byte of it is used. Unknown fields are for people. */
export const manifestSchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  repo: z.string(),
  licence: z.object({ spdx: z.string(), url: z.string() }),
  architecture: z.string(),
  /** Present where the model gives one vector for a text. */
  embedding: z
    .object({
      dimensions: z.number().int().positive(),
      /** Of a text's tokens: the mean of their vectors, or the vector of the last one. */
      pooling: z.enum(["mean", "last"]),
      /** Whether the vector is scaled to length 1. */
      normalize: z.boolean(),
      /** A text beyond the limit is the mean of its consecutive windows' vectors; without it, it is cut. */
      windows: z.boolean().optional(),
    })
    .optional(),
  /** Present where the model gives one row of logits for a text or a pair: one number for each label. */
  classification: z.object({ labels: z.array(z.string()).min(1) }).optional(),
  /** Present where the model gives logits for the next token; `chat` stands around what it is asked. */
  language: z.object({ chat: z.object({ before: z.string(), after: z.string() }).optional() }).optional(),
  /** Longest input in tokens, special tokens included. */
  maxTokens: z.number().int().min(8),
  dtype: z.object({ webgpu: dtype, cpu: dtype }),
  files: z.array(file).min(1),
});

export type ModelManifest = z.infer<typeof manifestSchema>;
export type ModelFile = z.infer<typeof file>;
