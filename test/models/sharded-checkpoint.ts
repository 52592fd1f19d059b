import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LETTER_TOKENIZER } from "../fixtures/tokenizers.ts";
import { rawSafetensors } from "./build/checkpoint-files.ts";
import { CHECKPOINTS } from "./build/fixtures.ts";

export const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
export const INDEX = "model.safetensors.index.json";

/** A checkpoint of transformers, its weights in two files. */
export function shardedFiles(): Record<string, Uint8Array> {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(CHECKPOINTS, "bert", name)));
  const whole = read("model.safetensors");
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const { __metadata__, ...header } = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + length)));
  const tensors = Object.entries(header as Record<string, { data_offsets: [number, number] }>);
  const map: Record<string, string> = {};
  const shardOf = (shard: string, part: typeof tensors): Uint8Array => {
    let at = 0;
    const pieces: Uint8Array[] = [];
    const entries = part.map(([name, entry]) => {
      const piece = whole.subarray(8 + length + entry.data_offsets[0], 8 + length + entry.data_offsets[1]);
      pieces.push(piece);
      map[name] = shard;
      at += piece.length;
      return [name, { ...entry, data_offsets: [at - piece.length, at] }];
    });
    return rawSafetensors(Buffer.from(JSON.stringify(Object.fromEntries(entries))), Buffer.concat(pieces));
  };
  const half = Math.floor(tensors.length / 2);
  return {
    "config.json": read("config.json"),
    "tokenizer.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.tokenizer)),
    "tokenizer_config.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.config)),
    [SHARDS[0]]: shardOf(SHARDS[0], tensors.slice(0, half)),
    [SHARDS[1]]: shardOf(SHARDS[1], tensors.slice(half)),
    [INDEX]: Buffer.from(JSON.stringify({ weight_map: map })),
    "README.md": Buffer.from("not wanted"),
  };
}
