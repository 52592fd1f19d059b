import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { BuildManifest } from "../../../src/models/build/build.ts";
import type { Checkpoint } from "../../../src/models/build/checkpoint/checkpoint.ts";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import type { GraphOutput, GraphRun } from "./graph-runs.ts";

/** Checkpoints that models/export/checkpoints.py made, with what PyTorch computes for each row alone. */
export const CHECKPOINTS = join(import.meta.dir, "../../fixtures/checkpoints");

const expectedSchema = z.object({
  rows: z.array(z.array(z.number().int())),
  types: z.array(z.array(z.number().int())).optional(),
  outputs: z.array(z.union([z.array(z.number()), z.array(z.array(z.number()))])),
});
export type Expected = z.infer<typeof expectedSchema>;

export function readExpected(name: string): Expected {
  return expectedSchema.parse(JSON.parse(readFileSync(join(CHECKPOINTS, name, "expected.json"), "utf8")));
}

const EMBEDDING = { embedding: { dimensions: 32, pooling: "mean", normalize: true } } as const;
const classes = (count: number) => ({
  classification: { labels: Array.from({ length: count }, (_, at) => `label ${at}`) },
});

/** Architecture and head of each checkpoint. */
export const MANIFESTS: Readonly<Record<string, Omit<BuildManifest, "id" | "maxTokens">>> = {
  bert: { architecture: "bert", ...EMBEDDING },
  "bert-classes": { architecture: "bert", ...classes(6) },
  mpnet: { architecture: "mpnet", ...EMBEDDING },
  "mpnet-classes": { architecture: "mpnet", ...classes(2) },
  roberta: { architecture: "roberta", ...EMBEDDING },
  "roberta-classes": { architecture: "roberta", ...classes(2) },
  "deberta-v2": { architecture: "deberta-v2", ...classes(1) },
  qwen3: { architecture: "qwen3", language: {} },
  "qwen3-classes": { architecture: "qwen3", ...classes(1) },
  llama: { architecture: "llama", language: {} },
  "llama-linear": { architecture: "llama", language: {} },
  "llama-llama3": { architecture: "llama", language: {} },
  "qwen3-yarn": { architecture: "qwen3", language: {} },
  "gpt-neo": { architecture: "gpt_neo", ...EMBEDDING },
  "gpt-neo-language": { architecture: "gpt_neo", language: {} },
  gptj: { architecture: "gptj", ...classes(1) },
  "gptj-language": { architecture: "gptj", language: {} },
};

export const manifestOf = (name: string): BuildManifest => ({ id: name, maxTokens: 64, ...MANIFESTS[name]! });

/** Does something with a committed checkpoint, whose files are closed afterwards. */
export async function withCheckpoint<T>(
  name: string,
  use: (checkpoint: Checkpoint) => T | Promise<T>,
): Promise<T> {
  const checkpoint = await openCheckpoint(join(CHECKPOINTS, name));
  try {
    return await use(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

export type Side = "left" | "right";

/** Rows in one batch, padded on a side with an id that a text could have: only the mask tells. */
export function batchOf(
  graph: string,
  { rows, types }: Pick<Expected, "rows" | "types">,
  side: Side,
): GraphRun {
  const width = Math.max(...rows.map(({ length }) => length));
  const pad = (row: readonly number[], value: number): number[] => {
    const padding = new Array<number>(width - row.length).fill(value);
    return side === "left" ? [...padding, ...row] : [...row, ...padding];
  };
  return {
    graph,
    feeds: {
      input_ids: rows.map((row) => pad(row, 0)),
      attention_mask: rows.map((row) =>
        pad(
          row.map(() => 1),
          0,
        ),
      ),
      ...(types && { token_type_ids: types.map((row) => pad(row, 0)) }),
    },
  };
}

/** What a batch gave for each row's own tokens, flat. */
export function ownNumbers({ dims, data }: GraphOutput, { feeds, cached = 0 }: GraphRun): number[][] {
  const [count] = dims as [number];
  const row = data.length / count;
  return Array.from({ length: count }, (_, at) => {
    const own = data.slice(at * row, (at + 1) * row);
    if (dims.length === 2) return own;
    const mask = feeds.attention_mask![at]!.slice(cached);
    const width = row / mask.length;
    return own.filter((_, place) => mask[Math.floor(place / width)] === 1);
  });
}

/** Largest difference of two lists of as many numbers; NaN is infinitely wrong. */
export function largestError(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return ours.reduce((most, number, at) => {
    const off = Math.abs(number - theirs[at]!);
    return Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(most, off);
  }, 0);
}
