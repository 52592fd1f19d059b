import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { Failure, messageOf } from "../base/error.ts";
import type { ModelCode } from "./failure.ts";

/** A path inside the model's folder that cannot leave it. */
const relativePath = z.string().regex(/^(?!\.)[\w.-]+(?:\/(?!\.)[\w.-]+)*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Names of transformers.js; each stands for a file name (q8 is model_quantized.onnx). */
export const dtypeSchema = z.enum(["fp32", "fp16", "q8", "q4", "q4f16"]);
export type Dtype = z.infer<typeof dtypeSchema>;

/** What a model can run on, each with its own preference of dtypes. */
export type DeviceKind = "webgpu" | "cpu";

/** Best first; the first whose weights are here and that the device computes is taken. One name is a list of one. */
const preference = z.union([dtypeSchema.transform((one) => [one]), z.array(dtypeSchema).min(1)]);

const file = z.object({
  path: relativePath,
  size: z.number().int().positive(),
  sha256,
  /** Only for weights; a file without it belongs to every dtype. */
  dtype: dtypeSchema.optional(),
});

const logits = z.array(z.array(z.number()).min(1)).min(1);
/** What the model gave for an input when its maker ran it: shows that a device and its driver compute it rightly. */
const goldenCase = z.union([
  /** First numbers of the vector of a text. */
  z.strictObject({ text: z.string(), first8: z.array(z.number()).min(1) }),
  /** Rows of logits of a text in pieces, or of a pair in the model's own form. */
  z.strictObject({ pieces: z.string(), logits }),
  z.strictObject({ pair: z.tuple([z.string(), z.string()]), logits }),
  /** Mean log-probability of a completion's tokens, without a penalty of repetition. */
  z.strictObject({ prompt: z.string(), completion: z.string(), logProb: z.number() }),
]);
export type GoldenCase = z.infer<typeof goldenCase>;

/** How near a form comes to fp32 on some texts, or why nobody knows. */
const agreement = z.union([
  z.object({
    comparedWith: z.string(),
    texts: z.number().int().positive(),
    /** Spearman's: of scores, or of the cosines of all pairs of vectors. */
    rankCorrelation: z.number(),
    /** Of any number. */
    maxError: z.number().optional(),
  }),
  z.object({ unmeasured: z.string() }),
]);
export type Agreement = z.infer<typeof agreement>;

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
      /** A probe on the states that the graph has of a text's words: tells whether they are in their order. */
      order: z
        .object({
          /** Name of the states in the graph, [batch, tokens, weights.length]. */
          states: z.string(),
          weights: z.array(z.number()).min(1),
          bias: z.number(),
        })
        .optional(),
      /** A text beyond the limit is the mean of its consecutive windows' vectors; without it, it is cut. */
      windows: z.boolean().optional(),
    })
    .optional(),
  /** Present where the model gives one row of logits for a text or a pair: one number for each label. */
  classification: z
    .object({
      labels: z.array(z.string()).min(1),
      /** What stands around the two texts of a pair, special tokens included; without it, the tokenizer's own frame. */
      template: z.object({ before: z.string(), between: z.string(), after: z.string() }).optional(),
    })
    .optional(),
  /** Present where the model gives logits for the next token; `chat` stands around what it is asked. */
  language: z.object({ chat: z.object({ before: z.string(), after: z.string() }).optional() }).optional(),
  /** Longest input in tokens, special tokens included. */
  maxTokens: z.number().int().min(8),
  dtype: z.object({ webgpu: preference, cpu: preference }),
  files: z.array(file).min(1),
  /** Of a model that was built here: what its weights are made of, and what made them. */
  provenance: z
    .object({
      repo: z.string(),
      revision: z.string(),
      files: z.array(z.object({ path: relativePath, size: z.number().int().positive(), sha256 })).min(1),
      /** Version of this program. */
      builder: z.string(),
    })
    .optional(),
  /** Of a model that this program builds; catalog.ts knows what is in it. */
  checkpoint: z.looseObject({}).optional(),
  /** What each form gave for some inputs where it was made. */
  golden: z.partialRecord(dtypeSchema, z.array(goldenCase).min(1)).optional(),
  /** For people. What has another form, as older exports have it, counts as none. */
  agreement: z.partialRecord(dtypeSchema, agreement).optional().catch(undefined),
});

export type ModelManifest = z.infer<typeof manifestSchema>;
export type Provenance = NonNullable<ModelManifest["provenance"]>;
export type ModelFile = z.infer<typeof file>;

/**
 * What a manifest.json holds, before a schema has seen it; undefined where there is no such file.
 * @throws Failure `model.corrupt` for what is no JSON
 */
export function manifestContent(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Failure<ModelCode>("model.corrupt", {
      message: `${path} cannot be read as JSON: ${messageOf(cause)}`,
      hint: "models/README.md describes what a manifest holds",
      cause,
    });
  }
}
