import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configureLog } from "../../src/base/log.ts";
import { answerPrompt, augmentPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import type { Penalty } from "../../src/rewards/parts.ts";
import { ContentMatchPenalty } from "../../src/rewards/penalties/content-match.ts";
import { KeywordMatchPenalty } from "../../src/rewards/penalties/keyword-match.ts";
import { LengthAndFormPenalty } from "../../src/rewards/penalties/length-and-form.ts";
import { createPenalties } from "../../src/rewards/penalties/presets.ts";
import { countSentences } from "../../src/rewards/penalties/sentences.ts";
import { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { readProfile } from "../../src/rewards/profile.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { fakeModels } from "./fake-models.ts";
import { question } from "./questions.ts";

const TEXT = "Whales breathe air. They dive for an hour. Their songs carry far.";
const augment = question({ prompt: augmentPrompt(TEXT, 4), basePrompt: TEXT });
const followup = question({ task: "followup", prompt: followupPrompt(TEXT, 0), basePrompt: TEXT });
const answer = question({ task: "answer", prompt: answerPrompt(TEXT, "How far?"), basePrompt: "How far?" });

const penaltyOf = async (penalty: Penalty, completion: string, asked = augment): Promise<number> =>
  (await penalty.apply(asked, [completion]))[0]!;

/** A reward of one half for every answer, so that only penalties make a difference. */
const pipelineOf = (...penalties: Penalty[]): RewardPipeline =>
  new RewardPipeline({
    models: [{ model: { name: "even", score: async (_question, texts) => texts.map(() => 1) }, weight: 1 }],
    masks: [],
    penalties,
  });
const raws = (name: string, max: number, values: number[]): Penalty => ({
  name,
  max,
  apply: async () => values,
});

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

describe("the penalty stage", () => {
  test("multiplies a reward by 1 − clip(penalty, 0, max), once per penalty", async () => {
    const pipeline = pipelineOf(
      raws("first_penalty", 0.6, [0, 0.25, 0.9, -1]),
      raws("other_penalty", 1, [0, 0.5, 0, 7]),
    );
    const { rewards, columns } = await pipeline.score(question(), ["a", "b", null, "c", "d"]);
    const expected = [0.5, 0.5 * 0.75 * 0.5, 0, 0.5 * 0.4, 0];
    for (const [index, reward] of rewards.entries()) expect(reward).toBeCloseTo(expected[index]!, 12);
    expect(Object.fromEntries(columns.slice(1).map(({ name, raw }) => [name, raw]))).toEqual({
      first_penalty_raw: [0, 0.25, null, 0.9, -1],
      first_penalty_adjusted: [0, 0.25, null, 0.6, 0],
      first_penalty_applied: [1, 0.75, null, 0.4, 1],
      other_penalty_raw: [0, 0.5, null, 0, 7],
      other_penalty_adjusted: [0, 0.5, null, 0, 1],
      other_penalty_applied: [1, 0.5, null, 1, 0],
    });
  });

  test("takes a number that is none for the whole penalty", async () => {
    const pipeline = pipelineOf(raws("broken_penalty", 0.2, [Number.NaN, Number.POSITIVE_INFINITY, 0]));
    const { rewards, columns } = await pipeline.score(question(), ["a", "b", "c"]);
    for (const [index, factor] of [0.8, 0.8, 1].entries())
      expect(rewards[index]).toBeCloseTo(0.5 * factor, 12);
    expect(columns.find(({ name }) => name === "broken_penalty_raw")!.raw).toEqual([null, null, 0]);
    expect(lines.filter((line) => line.includes("broken_penalty"))).toHaveLength(1);
  });

  test("refuses a maximum that is no share, and a penalty that gives too few numbers", async () => {
    for (const max of [-0.1, 1.1, Number.NaN])
      expect(() => pipelineOf(raws("strange", max, []))).toThrow(
        expect.objectContaining({ code: "rewards.bad-penalty" }),
      );
    await expect(pipelineOf(raws("short", 1, [0])).score(question(), ["a", "b"])).rejects.toMatchObject({
      code: "rewards.bad-model",
    });
  });

  test("never raises a reward and never takes more than its maximum", async () => {
    const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 1, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (values, max) => {
          const { rewards } = await pipelineOf(raws("p", max, values)).score(
            question(),
            values.map(() => "x"),
          );
          for (const reward of rewards) expect(reward).toBeWithin(0.5 * (1 - max) - 1e-9, 0.5 + 1e-9);
        },
      ),
    );
  });
});

describe("the content penalty", () => {
  test.each([
    ["Whales breathe air, and they dive for an hour to find food.", 0],
    ["The language model of whale songs is not known.", 0],
    ["She said sorry to the whale, and of course it was here.", 0],
    ["As an AI language model, whales breathe air.", 0.1],
    ["AS A LARGE\n LANGUAGE  MODEL I think whales dive.", 0.1],
    ["I’m sorry, but I can't answer that.", 0.2],
    ["Sure! Here's a short summary of the text: whales dive.", 0.2],
    ["Certainly. As an AI, I apologise: I am unable to help. Let me know if", 0.5],
    ["Your task is to summarise the text below in 4 sentences.", 0.1],
    [`${"Whales dive. ".repeat(16)}As an AI language model, I hope this helps.`, 0],
  ])("of %j is %p", async (completion, expected) => {
    expect(await penaltyOf(new ContentMatchPenalty(), completion)).toBeCloseTo(expected, 9);
  });

  test("takes at most a fifth", () => {
    expect(new ContentMatchPenalty().max).toBe(0.2);
    expect(new ContentMatchPenalty(0.5).max).toBe(0.5);
  });
});

describe("the keyword penalty", () => {
  const penalty = new KeywordMatchPenalty(["casino", "buy now", "Größe", "广告"]);

  test.each([
    ["Visit the CASINO!", 1],
    ["casino", 1],
    ["cas\u200bino", 1],
    ["casinos are not casinoes", 0],
    ["Buy — now.", 1],
    ["Buy it now.", 0],
    ["Die grosse Grösse", 0],
    ["die GRÖẞE", 1],
    ["看广告了", 1],
    ["Whales dive.", 0],
    ["", 0],
  ])("of %j is %p", async (completion, expected) => {
    expect(await penaltyOf(penalty, completion)).toBe(expected);
  });

  test("lets an answer use a word of the prompt", async () => {
    const asked = question({
      task: "answer",
      prompt: answerPrompt("The casino burnt down.", "What burnt?"),
      basePrompt: "What burnt?",
    });
    expect(await penalty.apply(asked, ["The casino.", "Buy now!"])).toEqual([0, 1]);
  });

  test("refuses to look for nothing", () => {
    for (const words of [[], ["a", " "], ["!?"], Array.from({ length: 201 }, (_, index) => `w${index}`)])
      expect(() => new KeywordMatchPenalty(words)).toThrow(
        expect.objectContaining({ code: "rewards.bad-penalty" }),
      );
  });
});

describe("counting sentences", () => {
  test.each([
    ["", 0],
    ["...", 0],
    ["Whales dive", 1],
    ["Whales dive. They sing! Do they? Yes.", 4],
    ["Dr. Smith saw 3.5 whales. J. Doe (cf. Roe) saw none, e.g. at night.", 2],
    ["They live in the U.S. and dive.", 1],
    ["One line\nanother line", 2],
    ["He said “Stop.” Then he went.", 2],
    ["鲸会潜水。它们唱歌。", 2],
  ])("of %j gives %p", (text, expected) => {
    expect(countSentences(text)).toBe(expected);
  });
});

describe("the task penalty", () => {
  const penalty = new LengthAndFormPenalty();
  const sentences = (count: number): string => "Whales dive deep. ".repeat(count).trim();
  const short = (deviation: number): number => 0.4 * (1 - Math.exp(-10 * deviation ** 2));

  test.each([
    ["as many sentences as asked for", sentences(4), 0],
    ["one more", sentences(5), short(0.25)],
    ["one fewer", sentences(3), short(0.25)],
    ["twice as many", sentences(8), 0.4],
    ["a heading", `## Whales\n${sentences(3)}`, 0.2],
    ["a line that leads to it", `Summary of the text:\n${sentences(3)}`, 0.2],
    ["a list", "- Whales dive.\n- They sing.\n- They breathe.\n- They swim.", 0.2],
    ["a numbered list", "1. Whales dive.\n2. They sing.", short(0.5) + 0.2],
    ["a dash and a year that are no list", "Whales dive – deep. They sing.\n1984 was warm. It ended.", 0],
  ])("of a summary with %s", async (_name, completion, expected) => {
    expect(await penaltyOf(penalty, completion)).toBeCloseTo(expected, 3);
  });

  test.each([
    ["Why do whales dive?", 0],
    ["“Why do whales dive?”", 0],
    ["Question: Why do whales dive?", 0],
    ["Here is one. Why do whales dive?", 0.4],
    ["Whales dive.", 0.2],
    ["Why? Whales dive.", 0.6],
  ])("of the follow-up %j is %p", async (completion, expected) => {
    expect(await penaltyOf(penalty, completion, followup)).toBeCloseTo(expected, 3);
  });

  test("asks no form of an answer, nor of anything under a prompt of another kind", async () => {
    expect(await penaltyOf(penalty, "- a\n- b", answer)).toBe(0);
    expect(await penaltyOf(penalty, "- a\n- b", question({ prompt: "Tell me." }))).toBe(0);
  });
});

describe("penalties", () => {
  test("give a number from 0 to 1 for whatever text", async () => {
    const penalties = createPenalties([
      { name: "content-match" },
      { name: "keyword-match", words: ["spam"] },
      { name: "task-validation" },
    ]);
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc
        .constantFrom("i am ", "here is a ", "sorry\n", "?", ":", "- ", "0. ", "\u0301", "A. ")
        .map((part) => part.repeat(4000)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(augment, followup, answer),
        async (texts, asked) => {
          for (const penalty of penalties) {
            const numbers = await penalty.apply(asked, texts);
            expect(numbers).toHaveLength(texts.length);
            for (const number of numbers) expect(number).toBeWithin(0, 1.0001);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("come from the profile and from the operator, whose own win", async () => {
    const profile = readProfile({
      id: "test",
      rewards: [{ name: "relevance_reward_model", model: "bag", weight: 1 }],
      relevance: { model: "bag", minCosine: 0.1 },
      diversity: { model: "bag", batchSlope: 40, batchShift: 4, historySlope: 1000, historyShift: 50 },
      penalties: [{ name: "keyword-match", words: ["stones"], max: 0.5 }, { name: "task-validation" }],
    });
    const models = fakeModels(new FakeEncoder());
    const namesOf = async (pipeline: RewardPipeline): Promise<string[]> =>
      (await pipeline.score(answer, ["whales"])).columns
        .map(({ name }) => name)
        .filter((name) => name.endsWith("_applied"));
    expect(await namesOf(createPipeline(profile, { models }))).toEqual([
      "keyword_match_penalty_applied",
      "task_validation_penalty_applied",
    ]);
    const pipeline = createPipeline(profile, {
      models,
      penalties: [{ name: "keyword-match", words: ["bridges"] }],
    });
    const { columns } = await pipeline.score(answer, ["stones", "bridges"]);
    expect(columns.find(({ name }) => name === "keyword_match_penalty_applied")!.raw).toEqual([1, 0]);
  });

  test("of a profile are checked", () => {
    const profile = {
      id: "test",
      rewards: [{ name: "relevance_reward_model", model: "bag", weight: 1 }],
      relevance: { model: "bag", minCosine: 0.1 },
      diversity: { model: "bag", batchSlope: 40, batchShift: 4, historySlope: 1000, historyShift: 50 },
    };
    for (const penalty of [
      { name: "magic" },
      { name: "keyword-match" },
      { name: "content-match", max: 2 },
      { name: "content-match", words: ["a"] },
    ])
      expect(() => readProfile({ ...profile, penalties: [penalty] })).toThrow(/penalties\.0/);
  });
});
