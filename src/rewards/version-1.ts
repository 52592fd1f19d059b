import { z } from "zod";
import type { Memory, Rows } from "../base/vocabulary.ts";
import { COUNTS, PHRASES, packedRows, phraseRows } from "./masks/ngram-rows.ts";

const shape = z.object({
  normalizers: z.unknown(),
  masks: z.looseObject({
    diversity_reward_model: z.looseObject({ dimensions: z.int().min(0) }).optional(),
    ngram_blacklist_filter: z.looseObject({ listed: z.array(z.array(z.string())) }).optional(),
  }),
});

/**
 * The judge's part of a `state.bin` of 0.1.0 as `RewardPipeline.load` takes it: there each mask had one array by its name.
 * @returns undefined where it is not of that form
 */
export function judgeMemoryOfVersion1(
  json: unknown,
  arrays: Readonly<Record<string, Float32Array>>,
): Memory | undefined {
  const parsed = shape.safeParse(json);
  if (!parsed.success) return undefined;
  const { diversity_reward_model: diversity, ngram_blacklist_filter: ngrams } = parsed.data.masks;
  const tables: Record<string, Rows> = {};
  if (diversity !== undefined)
    tables.diversity = rowsOf(arrays.diversity_reward_model ?? new Float32Array(0), diversity.dimensions);
  if (ngrams !== undefined) {
    tables[COUNTS] = packedRows(arrays.ngram_blacklist_filter ?? new Float32Array(0));
    tables[PHRASES] = phraseRows(ngrams.listed);
  }
  return { json: parsed.data, tables };
}

function rowsOf(numbers: Float32Array, width: number): Rows {
  const rows = new Map<number, Float32Array>();
  for (let at = 0; width > 0 && at < numbers.length; at += width)
    rows.set(rows.size, numbers.slice(at, at + width));
  return rows;
}
