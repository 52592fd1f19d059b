import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import type { CatalogModel } from "../../src/models/catalog.ts";
import { BYTE_TOKENIZER, type TokenizerFiles, WORD_TOKENIZER } from "../fixtures/tokenizers.ts";
import { catalogEntry } from "../models/model-hub-double.ts";

/** Checkpoints of real shapes whose weights nobody trained: time, memory and size do not depend on what weights are. */
export interface Shape {
  name: string;
  /** Whether a byte is a token, or a common word. */
  isBytes: boolean;
  model: CatalogModel;
  write(folder: string): void;
}

type Tensors = [name: string, shape: number[]][];

const REVISION = "0".repeat(40);
const BLOCK_BYTES = 2 ** 22;
/** A multiple of the bytes of a number, and of nothing else in the block. */
const STRIDE = 4 * 7919;
/** Half the width of the spread of a weight. */
const SPREAD = 0.035;

function modelOf(id: string, over: Partial<CatalogModel>): CatalogModel {
  const dtype = { webgpu: ["fp32" as const], cpu: ["fp32" as const] };
  return {
    ...catalogEntry(REVISION),
    id,
    dtype,
    files: [],
    classification: { labels: ["reward"] },
    checkpoint: { kind: "safetensors", files: [] },
    ...over,
  };
}

interface Sizes {
  hidden: number;
  layers: number;
  heads: number;
  inner: number;
}

/** A reward model of Qwen 3, in 16 bits as they are published. */
function qwen3(name: string, { hidden, layers, heads, inner }: Sizes): Shape {
  const [vocabulary, groups, size] = [151_936, 8, 128];
  const config = {
    model_type: "qwen3",
    vocab_size: vocabulary,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: groups,
    head_dim: size,
    intermediate_size: inner,
    max_position_embeddings: 40_960,
    rms_norm_eps: 1e-6,
    hidden_act: "silu",
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
  };
  const tensors: Tensors = [["model.embed_tokens.weight", [vocabulary, hidden]]];
  for (let at = 0; at < layers; at++)
    for (const [part, shape] of [
      ["input_layernorm", [hidden]],
      ["self_attn.q_proj", [heads * size, hidden]],
      ["self_attn.k_proj", [groups * size, hidden]],
      ["self_attn.v_proj", [groups * size, hidden]],
      ["self_attn.q_norm", [size]],
      ["self_attn.k_norm", [size]],
      ["self_attn.o_proj", [hidden, heads * size]],
      ["post_attention_layernorm", [hidden]],
      ["mlp.gate_proj", [inner, hidden]],
      ["mlp.up_proj", [inner, hidden]],
      ["mlp.down_proj", [hidden, inner]],
    ] as Tensors)
      tensors.push([`model.layers.${at}.${part}.weight`, shape]);
  tensors.push(["model.norm.weight", [hidden]], ["score.weight", [1, hidden]]);
  const template = { before: "<|prompter|>", between: "</s><|assistant|>", after: "</s>" };
  return {
    name,
    isBytes: true,
    model: modelOf(name.toLowerCase(), {
      architecture: "qwen3",
      maxTokens: 4096,
      classification: { labels: ["reward"], template },
    }),
    write: (folder) => writeCheckpoint(folder, { config, tensors, tokenizer: BYTE_TOKENIZER, bytes: 2 }),
  };
}

/** A reward model of DeBERTa v3, in 32 bits as it is published. */
function debertaV3(name: string, { hidden, layers, heads, inner }: Sizes): Shape {
  const vocabulary = 128_100;
  const config = {
    model_type: "deberta-v2",
    vocab_size: vocabulary,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: inner,
    max_position_embeddings: 512,
    type_vocab_size: 0,
    hidden_act: "gelu",
    relative_attention: true,
    position_buckets: 256,
    position_biased_input: false,
    norm_rel_ebd: "layer_norm",
    share_att_key: true,
    pos_att_type: ["p2c", "c2p"],
  };
  const both = (name: string, ...shape: number[]): Tensors => [
    [`${name}.weight`, shape],
    [`${name}.bias`, [shape[0]!]],
  ];
  const tensors: Tensors = [
    ["deberta.embeddings.word_embeddings.weight", [vocabulary, hidden]],
    ...both("deberta.embeddings.LayerNorm", hidden),
    ["deberta.encoder.rel_embeddings.weight", [512, hidden]],
    ...both("deberta.encoder.LayerNorm", hidden),
    ...both("pooler.dense", hidden, hidden),
    ...both("classifier", 1, hidden),
  ];
  for (let at = 0; at < layers; at++) {
    const layer = `deberta.encoder.layer.${at}`;
    for (const part of ["query_proj", "key_proj", "value_proj"])
      tensors.push(...both(`${layer}.attention.self.${part}`, hidden, hidden));
    tensors.push(
      ...both(`${layer}.attention.output.dense`, hidden, hidden),
      ...both(`${layer}.attention.output.LayerNorm`, hidden),
      ...both(`${layer}.intermediate.dense`, inner, hidden),
      ...both(`${layer}.output.dense`, hidden, inner),
      ...both(`${layer}.output.LayerNorm`, hidden),
    );
  }
  return {
    name,
    isBytes: false,
    model: modelOf(name.toLowerCase(), { architecture: "deberta-v2", maxTokens: 512 }),
    write: (folder) => writeCheckpoint(folder, { config, tensors, tokenizer: WORD_TOKENIZER, bytes: 4 }),
  };
}

export const SHAPES: readonly Shape[] = [
  qwen3("Qwen3-0.6B", { hidden: 1024, layers: 28, heads: 16, inner: 3072 }),
  debertaV3("DeBERTa-v3-large", { hidden: 1024, layers: 24, heads: 16, inner: 4096 }),
  debertaV3("DeBERTa-v3-base", { hidden: 768, layers: 12, heads: 12, inner: 3072 }),
  qwen3("Qwen3-1.7B", { hidden: 2048, layers: 28, heads: 16, inner: 6144 }),
  qwen3("Qwen3-4B", { hidden: 2560, layers: 36, heads: 32, inner: 9728 }),
];

interface Source {
  config: object;
  tensors: Tensors;
  tokenizer: TokenizerFiles;
  /** Of a number: bfloat16 or float32. */
  bytes: 2 | 4;
}

function writeCheckpoint(folder: string, { config, tensors, tokenizer, bytes }: Source): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer.tokenizer));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizer.config));
  let end = 0;
  const header = tensors.map(([name, shape]) => {
    const start = end;
    end += shape.reduce((product, size) => product * size, bytes as number);
    return [name, { dtype: bytes === 2 ? "BF16" : "F32", shape, data_offsets: [start, end] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const random = randomBlock(bytes);
  const ones = blockOf(bytes, () => 1);
  const file = openSync(join(folder, "model.safetensors"), "w");
  try {
    writeSync(file, length);
    writeSync(file, text);
    for (const [at, [name, shape]] of tensors.entries()) {
      const block = /norm\.weight$/i.test(name) ? ones : random;
      let left = shape.reduce((product, size) => product * size, bytes as number);
      // No two tensors alike: exporters keep one of them.
      let from = (at * STRIDE) % block.length;
      while (left > 0) {
        const length = Math.min(left, block.length - from);
        writeSync(file, block, from, length);
        left -= length;
        from = 0;
      }
    }
  } finally {
    closeSync(file);
  }
}

function randomBlock(bytes: 2 | 4): Uint8Array {
  const random = seededRandom(1);
  return blockOf(bytes, () => (2 * random() - 1) * SPREAD);
}

function blockOf(bytes: 2 | 4, number: () => number): Uint8Array {
  const floats = Float32Array.from({ length: BLOCK_BYTES / bytes }, number);
  if (bytes === 4) return new Uint8Array(floats.buffer);
  // The upper half of a float32.
  const halves = new Uint16Array(floats.buffer).filter((_, at) => at % 2 === 1);
  return new Uint8Array(halves.buffer);
}
