import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configureLog } from "../../src/base/log.ts";
import { asBlock, asHotkey, asUid } from "../../src/base/units.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS, type Settings } from "../../src/config/options.ts";
import { EmbeddingCache, type ReadText } from "../../src/inference/embedding-cache.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { openJudge, readScoring } from "../../src/validator/open-judge.ts";
import { openRouter } from "../../src/validator/open-router.ts";
import { FakeEncoder } from "../rewards/fake-encoder.ts";
import { fakeModels } from "../rewards/fake-models.ts";
import { question } from "../rewards/questions.ts";

const settingsOf = (more: Partial<Settings> = {}): Settings => ({
  ...loadConfiguration(OPTIONS, { flags: {}, environment: {} }).settings,
  ...more,
});
const HOTKEYS = [0, 1, 2].map((uid) => asHotkey(`key${uid}`));
const NEURONS = HOTKEYS.map((hotkey) => ({ hotkey, registeredAt: asBlock(1) }));
const OUTCOMES = HOTKEYS.map((hotkey, uid) => ({ uid: asUid(uid), hotkey, reward: uid / 2 }));

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => void lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

/** A server that encodes with a fake and knows who asked for what. */
function serverOf() {
  const encoder = new FakeEncoder();
  const models: string[] = [];
  const read = async (model: string, texts: string[]): Promise<ReadText[]> => {
    models.push(model);
    return (await encoder.embed(texts)).map((vector) => ({ vector }));
  };
  return { read, models, texts: () => encoder.batches.flat() };
}

describe("the router that the settings describe", () => {
  test("has the wanted rows, rate and encoder", async () => {
    const server = serverOf();
    const router = openRouter(
      settingsOf({ gatingNumUids: 8, gatingLearningRate: 0 }),
      EMBEDDED_MODEL,
      server,
    );
    router.align(NEURONS);
    const before = await router.scores("a prompt");
    expect(await router.train("a prompt", OUTCOMES)).toBeGreaterThan(0);
    expect(await router.scores("a prompt")).toEqual(before!);
    expect(new Set(server.models)).toEqual(new Set(["all-minilm-l6-v2-embedded"]));

    const learning = openRouter(
      settingsOf({ gatingLearningRate: 3, gatingMomentum: 0 }),
      EMBEDDED_MODEL,
      server,
    );
    learning.align(NEURONS);
    for (let step = 0; step < 400; step++) await learning.train("a prompt", OUTCOMES);
    const scores = (await learning.scores("a prompt"))!;
    expect(scores[2]).toBeGreaterThan(scores[1]!);
    expect(scores[1]).toBeGreaterThan(scores[0]!);
  });

  test("computes a prompt's embedding once for routing, scoring and learning", async () => {
    for (const isRouting of [false, true]) {
      const server = serverOf();
      const models = new EmbeddingCache(server);
      const router = openRouter(settingsOf(), EMBEDDED_MODEL, models);
      const judge = openJudge(readScoring(settingsOf()), fakeModels(new FakeEncoder()), models);
      router.align(NEURONS);
      const prompt = "Summarise the herring trade of the bay.";
      if (isRouting) await router.scores(prompt);
      await judge.score(question({ prompt, basePrompt: "The herring trade." }), [
        "Boats caught herring.",
        "The bay had a trade.",
        null,
      ]);
      await router.train(prompt, OUTCOMES);
      expect(server.texts().filter((text) => text === prompt)).toHaveLength(1);
      expect(new Set(server.texts()).size).toBe(server.texts().length);
    }
  });

  test("tells the operator when it would route by a layer that hardly learns", () => {
    const slow = { gatingExplore: 0.25, neuronFollowupSampleSize: 4, neuronAnswerSampleSize: 50 };
    openRouter(settingsOf(slow), EMBEDDED_MODEL, serverOf());
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("--gating.learning_rate 160 for samples of 50");
    lines = [];
    openRouter(settingsOf({ ...slow, gatingLearningRate: 100 }), EMBEDDED_MODEL, serverOf());
    openRouter(settingsOf(), EMBEDDED_MODEL, serverOf());
    expect(lines).toEqual([]);
  });
});
