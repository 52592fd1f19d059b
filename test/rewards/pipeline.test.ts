import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configureLog } from "../../src/base/log.ts";
import { answerPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import type { Mask, RewardModel } from "../../src/rewards/parts.ts";
import { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { type Profile, readProfile } from "../../src/rewards/profile.ts";
import { InferenceMeter } from "../../src/validator/inference-meter.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { fakeModels } from "./fake-models.ts";
import { question } from "./questions.ts";

const PROFILE = {
  id: "test",
  rewards: [{ name: "relevance_reward_model", model: "bag", weight: 1 }],
  relevance: { model: "bag", minCosine: 0.1 },
  diversity: { model: "bag", batchSlope: 40, batchShift: 4, historySlope: 1000, historyShift: 50 },
};

const embedded = (encoder = new FakeEncoder()): RewardPipeline =>
  createPipeline(readProfile(PROFILE), { models: fakeModels(encoder) });

/** A reward model that gives the numbers written in the answers. */
const numbers = (name = "numbers"): RewardModel => ({
  name,
  score: async (_question, completions) => completions.map(Number),
});
const factor = (name: string, value: number): Mask => ({
  name,
  apply: async (_question, completions) => completions.map(() => value),
});

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

describe("the reward of a step", () => {
  test("is that of what a reader sees of an answer, for every model and mask", async () => {
    const seen: string[] = [];
    const watching = (name: string): Mask => ({
      name,
      apply: async (_question, completions) => {
        seen.push(...completions);
        return completions.map(() => 1);
      },
    });
    const model: RewardModel = {
      name: "length",
      score: async (_question, completions) => {
        seen.push(...completions);
        return completions.map(({ length }) => length);
      },
    };
    const pipeline = new RewardPipeline({ models: [{ model, weight: 1 }], masks: [watching("watching")] });
    const { rewards } = await pipeline.score(question(), [
      "\u200b Sa\u034flt\u00ad and wo\ufe0eol.\ufeff",
      "\u200b\u00ad",
    ]);
    expect([...new Set(seen)]).toEqual(["Salt and wool."]);
    expect(rewards[1]).toBe(0);
  });

  test("is the weighted sum of normalised rewards times every mask", async () => {
    const twice: RewardModel = {
      name: "twice",
      score: async (_question, completions) => completions.map((text) => -Number(text)),
    };
    const pipeline = new RewardPipeline({
      models: [
        { model: numbers(), weight: 0.75 },
        { model: twice, weight: 0.25 },
      ],
      masks: [factor("half", 0.5), factor("most", 0.8)],
    });
    const { rewards, columns } = await pipeline.score(question(), ["1", null, "2", "3"]);
    // Three values with the mean 2 and the deviation 1: Φ(1) = 0.84134.
    const high = 0.8413447461;
    expect(rewards[0]).toBeCloseTo((0.75 * (1 - high) + 0.25 * high) * 0.4, 9);
    expect(rewards[1]).toBe(0);
    expect(rewards[2]).toBeCloseTo(0.2, 9);
    expect(rewards[3]).toBeCloseTo((0.75 * high + 0.25 * (1 - high)) * 0.4, 9);
    expect(columns.map(({ name, raw }) => [name, raw])).toEqual([
      ["numbers", [1, null, 2, 3]],
      ["twice", [-1, null, -2, -3]],
      ["half", [0.5, null, 0.5, 0.5]],
      ["most", [0.8, null, 0.8, 0.8]],
    ]);
    expect(columns[0]!.normalized![3]).toBeCloseTo(high, 9);
    expect(columns[2]!.normalized).toBeUndefined();
  });

  test("is 0 for all and no error when every miner failed or said nothing", async () => {
    const encoder = new FakeEncoder();
    const { rewards, columns } = await embedded(encoder).score(question(), [null, "", " \n\t", null]);
    expect(rewards).toEqual([0, 0, 0, 0]);
    expect(columns.every(({ raw }) => raw.every((value) => value === null))).toBe(true);
    expect(encoder.batches).toEqual([]);
    expect((await embedded().score(question(), [])).rewards).toEqual([]);
  });

  test("stays a number after steps with one answer", async () => {
    const pipeline = new RewardPipeline({ models: [{ model: numbers(), weight: 1 }], masks: [] });
    expect((await pipeline.score(question(), ["0.25"])).rewards).toEqual([0.5]);
    for (const text of ["0.25", "7", "-3"])
      expect((await pipeline.score(question(), [text])).rewards[0]).toBeWithin(0, 1.0000001);
  });

  test("counts a model's NaN, infinity or giant as 0 from that model, reported once", async () => {
    const pipeline = new RewardPipeline({
      models: [
        { model: numbers("steady"), weight: 0.5 },
        {
          model: {
            name: "broken",
            score: async () => [Number.NaN, Number.POSITIVE_INFINITY, 1e300, 2],
          },
          weight: 0.5,
        },
      ],
      masks: [],
    });
    for (let round = 0; round < 3; round++) {
      const { rewards, columns } = await pipeline.score(question(), ["1", "1", "1", "1"]);
      expect(rewards).toEqual([0.25, 0.25, 0.25, 0.5]);
      expect(columns[1]!.raw).toEqual([null, null, null, 2]);
      expect(columns[1]!.normalized).toEqual([null, null, null, 0.5]);
    }
    expect(lines.filter((line) => line.includes("not finite"))).toHaveLength(1);
    expect(lines[0]).toContain("name=broken");
  });

  test("is 0 where a mask gives no number", async () => {
    const pipeline = new RewardPipeline({
      models: [{ model: numbers(), weight: 1 }],
      masks: [factor("nan", Number.NaN)],
    });
    expect((await pipeline.score(question(), ["1", "2"])).rewards).toEqual([0, 0]);
  });

  test("lies in 0..1 and is finite whatever the answers and numbers", async () => {
    const completion = fc.option(fc.string({ unit: "grapheme", maxLength: 60 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(completion, { maxLength: 12 }), { maxLength: 4 }), async (steps) => {
        const pipeline = embedded();
        for (const step of steps)
          for (const [index, reward] of (await pipeline.score(question(), step)).rewards.entries()) {
            expect(reward).toBeWithin(0, 1.0000001);
            if (step[index] === null) expect(reward).toBe(0);
          }
      }),
      { numRuns: 60 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.double(), { maxLength: 8 })), async (steps) => {
        const pipeline = new RewardPipeline({ models: [{ model: numbers(), weight: 1 }], masks: [] });
        for (const step of steps)
          for (const reward of (await pipeline.score(question(), step.map(String))).rewards)
            expect(reward).toBeWithin(0, 1.0000001);
      }),
      { numRuns: 100 },
    );
  });

  test("goes with its answer when the answers change places", async () => {
    const words = fc.constantFrom("whales", "dive", "songs", "air", "stones", "q:", "sea", "deep", "far");
    const answers = fc.array(
      fc.option(fc.array(words, { minLength: 1, maxLength: 6 }).map((list) => list.join(" "))),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        answers.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray([...list.keys()], { minLength: list.length })),
        ),
        async ([list, order]) => {
          const { rewards } = await embedded().score(question(), list);
          const moved = await embedded().score(
            question(),
            order.map((index) => list[index]!),
          );
          for (const [place, index] of order.entries())
            expect(moved.rewards[place]).toBeCloseTo(rewards[index]!, 9);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("embeddings of a step", () => {
  test("are asked for once per distinct text, in one batch", async () => {
    const encoder = new FakeEncoder();
    const pipeline = embedded(encoder);
    const asked = question();
    await pipeline.score(asked, ["whales dive", " whales dive ", "songs", null]);
    expect(encoder.batches).toEqual([[asked.prompt, asked.basePrompt, "whales dive", "songs"]]);
    await pipeline.score(asked, ["songs", "stones"]);
    expect(encoder.batches.slice(1)).toEqual([["stones"]]);
  });

  test("of two steps scored at once do not mix", async () => {
    const encoder = new FakeEncoder();
    const pipeline = embedded(encoder);
    const both = await Promise.all([
      pipeline.score(question(), ["whales dive for an hour", "stones"]),
      pipeline.score(question(), ["stones", "songs carry far"]),
    ]);
    const alone = embedded();
    for (const [index, completions] of [
      ["whales dive for an hour", "stones"],
      ["stones", "songs carry far"],
    ].entries()) {
      const { rewards, columns } = await alone.score(question(), completions);
      expect(both[index]).toMatchObject({ rewards, columns });
    }
    expect(encoder.batches).toHaveLength(2);
  });

  test("that fail make the step fail, leave the statistics alone and let the next step through", async () => {
    const encoder = new FakeEncoder();
    const pipeline = embedded(encoder);
    const before = new SavedMemory().take(pipeline.changes());
    const embed = encoder.embed.bind(encoder);
    encoder.embed = async () => {
      throw new Error("device lost");
    };
    await expect(pipeline.score(question(), ["whales"])).rejects.toThrow("device lost");
    const { json, tables } = pipeline.changes({ all: true });
    expect(json).toEqual(before.json);
    expect(tables.diversity!.put.size).toBe(0);
    encoder.embed = embed;
    expect((await pipeline.score(question(), ["whales dive"])).rewards[0]).toBeGreaterThan(0);
  });
});

describe("the pipeline", () => {
  test("accepts weights that sum to 1 within rounding and refuses others", () => {
    const withWeights = (...weights: number[]): RewardPipeline =>
      new RewardPipeline({
        models: weights.map((weight, index) => ({ model: numbers(String(index)), weight })),
        masks: [],
      });
    expect(() => withWeights(0.1, 0.2, 0.7)).not.toThrow();
    expect(() => withWeights(0.333, 0.333, 0.333)).not.toThrow();
    for (const weights of [[0.5], [0.6, 0.6], [], [1.5, -0.5], [Number.NaN]])
      expect(() => withWeights(...weights)).toThrow(expect.objectContaining({ code: "rewards.bad-weights" }));
  });

  test("refuses a model that gives another count of numbers", async () => {
    const short: RewardModel = { name: "short", score: async () => [1] };
    const pipeline = new RewardPipeline({ models: [{ model: short, weight: 1 }], masks: [] });
    await expect(pipeline.score(question(), ["1", "2"])).rejects.toMatchObject({ code: "rewards.bad-model" });
  });

  test("remembers the best question and answer of a forward pass until it ends", async () => {
    const pipeline = embedded();
    const followup = question({
      name: "followup0",
      task: "followup",
      prompt: followupPrompt("Whales dive.", 0),
      basePrompt: "Whales dive.",
    });
    const answer = question({
      name: "answer0",
      task: "answer",
      prompt: answerPrompt("Whales dive.", "Why?"),
      basePrompt: "Why do whales dive?",
    });
    pipeline.beginForward("f");
    const first = await pipeline.score(followup, ["Why do whales dive?"]);
    expect(first.rewards[0]).toBeGreaterThan(0);
    expect((await pipeline.score(answer, ["why do WHALES dive", "Whales dive for food."])).rewards[0]).toBe(
      0,
    );
    expect((await pipeline.score(followup, ["Why do whales dive?"])).rewards).toEqual([0]);
    pipeline.endForward("f");
    expect((await pipeline.score(followup, ["Why do whales dive?"])).rewards[0]).toBeGreaterThan(0);
  });

  test("goes on with the same numbers after a restart, from what it said had changed at each step", async () => {
    const steps = [["whales dive", "songs carry far"], ["air", "they breathe air", "stones"], ["an hour"]];
    const straight = embedded();
    const saved = new SavedMemory();
    for (const step of steps) {
      await straight.score(question(), step);
      saved.take(straight.changes());
    }
    expect([...saved.tables.diversity!.keys()]).toEqual([0, 1, 2, 3, 4, 5]);

    const restored = embedded();
    restored.load(saved);
    // All of it is saved: there is nothing to write.
    expect(restored.changes({ all: true }).tables.diversity!.put.size).toBe(0);
    const next = ["whales", "deep sea"];
    const [ours, theirs] = [await restored.score(question(), next), await straight.score(question(), next)];
    expect(ours.rewards).toEqual(theirs.rewards);
    expect(ours.columns).toEqual(theirs.columns);
    const changes = restored.changes();
    expect(changes).toEqual(straight.changes());
    expect([...changes.tables.diversity!.put.keys()]).toEqual([6, 7]);
    // The encoder of this test makes vectors of 64 numbers.
    expect(new SavedMemory().take(changes).writtenBytes).toBeLessThan(2 * 64 * 2 + 400);
  });

  test("starts without a memory it cannot read, says so, and writes its own over it", async () => {
    const pipeline = embedded();
    const fresh = embedded().changes();
    for (const json of [null, {}, { normalizers: { relevance_reward_model: { count: "x" } }, masks: {} }])
      pipeline.load({ json, tables: {} });
    expect(lines).toHaveLength(3);
    const diversity = new Map([[0, new Float32Array(64)]]);
    for (const memory of [{ encoder: "other", dimensions: 64 }, { encoder: "bag", dimensions: 60 }, 7])
      pipeline.load({
        json: { normalizers: {}, masks: { diversity_reward_model: memory } },
        tables: { diversity },
      });
    expect(lines).toHaveLength(6);
    expect(pipeline.changes()).toEqual(fresh);
    expect(fresh.tables.diversity!.isWhole).toBe(true);
  });

  test("numbers anew a history with gaps", () => {
    const pipeline = embedded();
    const rows = [3, 4, 9].map((number) => [number, new Float32Array(64).fill(number)] as const);
    const masks = { diversity_reward_model: { encoder: "bag", dimensions: 64 } };
    pipeline.load({ json: { normalizers: {}, masks }, tables: { diversity: new Map(rows) } });
    const { put, isWhole } = pipeline.changes().tables.diversity!;
    expect(isWhole).toBe(true);
    expect([...put].map(([number, row]) => [number, row[0]])).toEqual([
      [7, 3],
      [8, 4],
      [9, 9],
    ]);
  });

  test("lets nothing of a failed step run into the next one, whichever part failed", async () => {
    const events: string[] = [];
    const slow = Promise.withResolvers<void>();
    const failing: RewardModel = {
      name: "failing",
      score: async (_question, completions) => {
        if (completions[0] === "fail") throw new Error("the model failed");
        return completions.map(() => 1);
      },
    };
    const lagging: Mask = {
      name: "lagging",
      apply: async (_question, completions) => {
        events.push(`begin ${completions[0]}`);
        if (completions[0] === "fail") await slow.promise;
        events.push(`end ${completions[0]}`);
        return { factors: completions.map(() => 1), learn: () => void events.push("learn") };
      },
    };
    const pipeline = new RewardPipeline({ models: [{ model: failing, weight: 1 }], masks: [lagging] });
    const failed = pipeline.score(question(), ["fail"]);
    const next = pipeline.score(question(), ["go on"]);
    // The model has long failed; the step waits for its mask all the same.
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(["begin fail"]);
    slow.resolve();
    await expect(failed).rejects.toThrow("the model failed");
    await next;
    expect(events).toEqual(["begin fail", "end fail", "begin go on", "end go on", "learn"]);
  });

  test("gives a step up at once when it is stopped, and learns nothing from it", async () => {
    const slow = Promise.withResolvers<void>();
    let learnt = 0;
    const hung: Mask = {
      name: "hung",
      apply: async (_question, completions) => {
        await slow.promise;
        return { factors: completions.map(() => 1), learn: () => void learnt++ };
      },
    };
    const pipeline = new RewardPipeline({ models: [{ model: numbers(), weight: 1 }], masks: [hung] });
    const before = pipeline.changes();
    const stop = new AbortController();
    const given = Promise.allSettled([
      pipeline.score(question(), ["1", "2"], { signal: stop.signal }),
      pipeline.score(question(), ["3"], { signal: stop.signal }),
    ]);
    stop.abort();
    for (const { status, reason } of (await given) as PromiseRejectedResult[])
      expect([status, reason.code]).toEqual(["rejected", "deadline.aborted"]);
    slow.resolve();
    // Comes after both in the queue.
    await pipeline.score(question(), []);
    expect(learnt).toBe(0);
    expect(pipeline.changes()).toEqual(before);
  });

  test("tells how long each part took, and what the inference processes did meanwhile", async () => {
    const meter = new InferenceMeter();
    const part = async (completions: string[]): Promise<number[]> => {
      meter.add({ queueMs: 3, computeMs: 5 });
      return completions.map(() => 1);
    };
    const pipeline = new RewardPipeline({
      meter,
      models: [{ model: { name: "model", score: (_question, completions) => part(completions) }, weight: 1 }],
      masks: [{ name: "mask", apply: (_question, completions) => part(completions) }],
      penalties: [
        { name: "penalty", max: 1, apply: async (_question, completions) => completions.map(() => 0) },
      ],
      shadow: [
        { name: "shadow_model", score: async (_question, completions) => completions.map(() => null) },
      ],
    });
    meter.add({ queueMs: 100, computeMs: 100 });
    const { timings, inference } = await pipeline.score(question(), ["1"]);
    expect(Object.keys(timings).sort()).toEqual(["mask", "model", "penalty", "shadow_model"]);
    for (const ms of Object.values(timings)) expect(ms).toBeWithin(0, 1000);
    expect(inference).toEqual({ queueMs: 6, computeMs: 10 });
    expect((await pipeline.score(question(), [null])).inference).toEqual({ queueMs: 0, computeMs: 0 });
  });

  test("is not changed by forward passes in which nothing is scored", () => {
    const pipeline = embedded();
    const before = pipeline.changes({ all: true });
    pipeline.beginForward("a");
    pipeline.beginForward("b");
    pipeline.endForward("a");
    expect(pipeline.changes({ all: true }).json).toEqual(before.json);
    expect(pipeline.changes({ all: true }).tables.diversity!.put.size).toBe(0);
  });
});

describe("a profile", () => {
  test("is refused with the place that is wrong", () => {
    const bad = { ...PROFILE, relevance: { model: "bag", minCosine: 7 } };
    expect(() => readProfile(bad)).toThrow(/relevance\.minCosine/);
    expect(() => readProfile({ ...PROFILE, more: 1 })).toThrow(
      expect.objectContaining({ code: "rewards.bad-profile" }),
    );
    expect(() => readProfile(null)).toThrow(expect.objectContaining({ code: "rewards.bad-profile" }));
  });

  test("that ships with the program is read and makes a pipeline", async () => {
    const profile = readProfile(
      await Bun.file(`${import.meta.dir}/../../models/profiles/embedded.json`).json(),
    );
    const wanted = new Set<string>();
    const pipeline = createPipeline(profile, {
      models: fakeModels(new FakeEncoder(), {
        read: async (model, texts) => {
          wanted.add(model);
          return (await new FakeEncoder().embed(texts)).map((vector) => ({ vector }));
        },
      }),
    });
    const { columns } = await pipeline.score(question(), ["whales"]);
    expect(columns.map(({ name }) => name)).toEqual([
      "task_fit_reward_model",
      "blacklist_filter",
      "task_validator_filter",
      "form_filter",
      "order_filter",
      "order_filter_disorder",
      "borrowing_filter",
      "borrowing_filter_share",
      "borrowing_filter_run",
      "contradiction_filter",
      "relevance_filter",
      "diversity_reward_model",
    ]);
    expect([...wanted]).toEqual(["all-minilm-l6-v2-embedded"]);
  });

  test("with the fit as a mask gives nothing for what a reward model likes and nobody asked for", async () => {
    const profile = readProfile({ ...PROFILE, fit: { model: "bag" } });
    const likes = async (_model: string, pairs: { completion: string }[]): Promise<number[]> =>
      pairs.map(({ completion }) => (completion.startsWith("The subject") ? -1 : -2));
    const rewarded = async (used: Profile): Promise<number> => {
      const pipeline = createPipeline(
        { ...used, rewards: [{ name: "dpo_reward_model", model: "dpo", weight: 1 }] },
        { models: fakeModels(new FakeEncoder(), { logProb: likes }), masks: { relevance: false } },
      );
      const remarks = "The subject has a long history. Many people have thought about it.";
      const { rewards } = await pipeline.score(question(), [remarks, "It is one.", "It is another one."]);
      return rewards[0]!;
    };
    expect(await rewarded(readProfile(PROFILE))).toBeGreaterThan(0.5);
    expect(await rewarded(profile)).toBeLessThan(0.05);
  });

  test("names a reward that this program does not have", () => {
    const parts = { models: fakeModels(new FakeEncoder()) };
    const strange = { ...PROFILE, rewards: [{ name: "magic_reward_model", model: "bag", weight: 1 }] };
    expect(() => createPipeline(readProfile(strange), parts)).toThrow(/magic_reward_model/);
    const weights = { dpo_reward_model: 0.3 };
    expect(() => createPipeline(readProfile(PROFILE), { ...parts, weights })).toThrow(/dpo_reward_model/);
  });

  test("has the blacklist of n-grams only when it is asked for, with why and with a memory of its own", async () => {
    const open = (): RewardPipeline =>
      createPipeline(readProfile(PROFILE), {
        models: fakeModels(new FakeEncoder()),
        masks: { ngramBlacklist: true },
      });
    const pipeline = open();
    const { columns } = await pipeline.score(question(), ["whales dive", null]);
    expect(columns.filter(({ name }) => name.startsWith("ngram"))).toEqual([
      { name: "ngram_blacklist_filter", raw: [1, null] },
      { name: "ngram_blacklist_filter_significance", raw: [0, null] },
    ]);
    expect((await embedded().score(question(), ["whales"])).columns.map(({ name }) => name)).not.toContain(
      "ngram_blacklist_filter",
    );

    const saved = new SavedMemory().take(pipeline.changes({ all: true }));
    const restored = open();
    restored.load(saved);
    expect(restored.changes().json).toEqual(saved.json);
    expect(lines).toEqual([]);
    // What another kind of counter saved under this name is left alone, with a word about it.
    const json = saved.json as { masks: Record<string, object> };
    const masks = { ngram_blacklist_filter: { ...json.masks.ngram_blacklist_filter, kind: "tokens" } };
    open().load({ json: { ...json, masks }, tables: saved.tables });
    expect(lines.filter((line) => line.includes("mask=ngram_blacklist_filter"))).toHaveLength(1);
  });

  test("leaves out the masks that are off", async () => {
    const pipeline = createPipeline(readProfile(PROFILE), {
      models: fakeModels(new FakeEncoder()),
      masks: { blacklist: false, taskValidator: false, relevance: false, diversity: false },
    });
    expect((await pipeline.score(question(), ["whales"])).columns.map(({ name }) => name)).toEqual([
      "relevance_reward_model",
    ]);
  });
});
