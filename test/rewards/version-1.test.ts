import { expect, test } from "bun:test";
import { augmentPrompt } from "../../src/prompts/templates.ts";
import { NgramBlacklistMask } from "../../src/rewards/masks/ngram-blacklist.ts";
import { phrasesOf, unpackedRows } from "../../src/rewards/masks/ngram-rows.ts";
import { judgeMemoryOfVersion1 } from "../../src/rewards/version-1.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";
import { question } from "./questions.ts";

test("a memory of 0.1.0 is read: vectors by number, and a blacklist of n-grams that judges as it did", async () => {
  const mask = new NgramBlacklistMask({ error: 0.01 });
  const phrase = "this wonderful passage teaches every careful reader something";
  for (let step = 0; step < 8; step++) {
    const text = `${step} whales dive`;
    const { learn } = await mask.apply(
      question({ prompt: augmentPrompt(text, 4), basePrompt: text }),
      Array.from({ length: 20 }, (_, miner) => `w${miner} ${phrase} v${step}`),
    );
    await learn?.();
  }
  const { json, tables } = new SavedMemory().take(mask.changes({ all: true }));
  const ngrams = { ...(json as object), listed: phrasesOf(tables.ngram_phrases!)! };
  expect(ngrams.listed.length).toBeGreaterThan(0);

  const memory = judgeMemoryOfVersion1(
    {
      normalizers: {},
      masks: {
        diversity_reward_model: { encoder: "bag", dimensions: 2 },
        ngram_blacklist_filter: ngrams,
      },
    },
    {
      diversity_reward_model: Float32Array.of(1, 2, 3, 4),
      ngram_blacklist_filter: unpackedRows(tables.ngram_counts!, 6)!,
    },
  )!;
  expect([...memory.tables.diversity!]).toEqual([
    [0, Float32Array.of(1, 2)],
    [1, Float32Array.of(3, 4)],
  ]);
  const restored = new NgramBlacklistMask({ error: 0.01 });
  const { masks } = memory.json as { masks: Record<string, unknown> };
  expect(restored.load({ json: masks.ngram_blacklist_filter, tables: memory.tables })).toBe(true);
  expect((await restored.apply(question(), [`so ${phrase}`, "whales dive"])).factors).toEqual([0, 1]);
  expect(judgeMemoryOfVersion1(null, {})).toBeUndefined();
});
