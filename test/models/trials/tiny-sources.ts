import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CatalogModel } from "../../../src/models/catalog.ts";
import type { Dtype } from "../../../src/models/manifest.ts";
import { LETTER_TOKENIZER } from "../../fixtures/tokenizers.ts";
import { CHECKPOINTS, MANIFESTS } from "../build/fixtures.ts";
import { catalogEntry } from "../model-hub-double.ts";

const REVISION = "0123456789abcdef0123456789abcdef01234567";
/** Rotary positions have no weights, so a causal model may be as long as a prompt needs. */
const CAUSAL_TOKENS = 512;

/** One of each kind: vectors, classes of a text, a reward of a pair, log-probabilities. */
export const KINDS = ["bert", "roberta-classes", "qwen3-classes", "qwen3"] as const;
/** Some are published in PyTorch's own form alone, as are their models. */
const kindOf = (name: string): "safetensors" | "torch" =>
  existsSync(join(CHECKPOINTS, name, WEIGHTS.safetensors)) ? "safetensors" : "torch";
const WEIGHTS = { safetensors: "model.safetensors", torch: "pytorch_model.bin" } as const;
const isCausal = (name: string): boolean => name.startsWith("qwen3");

/** A committed checkpoint as a model of the catalog. */
export function tinyModel(name: string, dtype: Dtype = "fp32"): CatalogModel {
  return {
    ...catalogEntry(REVISION),
    ...MANIFESTS[name]!,
    id: `tiny-${name}`,
    maxTokens: isCausal(name) ? CAUSAL_TOKENS : 64,
    dtype: { webgpu: [dtype], cpu: [dtype] },
    files: [],
    checkpoint: { kind: kindOf(name), files: [] },
  };
}

/** Writes its original files into a folder, with a tokenizer of letters. */
export function writeTinySource(name: string, folder: string): void {
  const config = JSON.parse(readFileSync(join(CHECKPOINTS, name, "config.json"), "utf8"));
  if (isCausal(name)) config.max_position_embeddings = CAUSAL_TOKENS;
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(LETTER_TOKENIZER.tokenizer));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(LETTER_TOKENIZER.config));
  const weights = WEIGHTS[kindOf(name)];
  copyFileSync(join(CHECKPOINTS, name, weights), join(folder, weights));
}
