import { describe, expect, test } from "bun:test";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { openJudge, readScoring } from "../../src/validator/open-judge.ts";
import type { Judge } from "../../src/validator/ports.ts";
import { FakeEncoder } from "../rewards/fake-encoder.ts";
import { fakeModels } from "../rewards/fake-models.ts";
import { question } from "../rewards/questions.ts";

const open = (flags: Record<string, string>): Judge =>
  openJudge(
    readScoring(loadConfiguration(OPTIONS, { flags, environment: {} }).settings),
    fakeModels(new FakeEncoder()),
  );
const columnsOf = async (judge: Judge): Promise<string[]> =>
  (await judge.score(question(), ["whales"])).columns.map(({ name }) => name);

describe("the operator's choice of masks and penalties", () => {
  test("is none that 1.2.0 did not have, unless asked for", async () => {
    const usual = await columnsOf(open({}));
    expect(usual.filter((name) => /ngram|penalty/.test(name))).toEqual([]);
    const more = await columnsOf(
      open({
        "neuron.ngram_blacklist": "true",
        "reward.penalties": "content-match, task-validation,keyword-match",
        "reward.keywords": "casino, buy now",
      }),
    );
    expect(more.filter((name) => !usual.includes(name))).toEqual([
      "ngram_blacklist_filter",
      "ngram_blacklist_filter_significance",
      ...["content_match", "task_validation", "keyword_match"].flatMap((name) =>
        ["raw", "adjusted", "applied"].map((form) => `${name}_penalty_${form}`),
      ),
    ]);
  });

  test("takes the whole reward of an answer with a keyword", async () => {
    const judge = open({ "reward.penalties": "keyword-match", "reward.keywords": "casino,buy now" });
    const { rewards } = await judge.score(question(), [
      "Whales breathe air. Their songs carry far.",
      "Whales breathe air. Their songs carry far, buy NOW.",
    ]);
    expect(rewards[0]).toBeGreaterThan(0);
    expect(rewards[1]).toBe(0);
  });

  test("takes what --reward.time_weight says of a slow answer, and without it nothing for any time", async () => {
    const taken = [0, 1];
    const answers = [
      "Whales breathe air. Their songs carry far.",
      "They dive for an hour. They breathe air.",
    ];
    const [usual, beside, weighed] = await Promise.all([
      open({}).score(question(), answers),
      open({ "reward.time_weight": "0" }).score(question(), answers, { taken }),
      open({ "reward.time_weight": "0.25" }).score(question(), answers, { taken }),
    ]);
    expect(usual.rewards[1]).toBeGreaterThan(0);
    expect(beside.rewards).toEqual(usual.rewards);
    expect(beside.columns).toEqual(usual.columns);
    expect(weighed.rewards).toEqual([usual.rewards[0]!, usual.rewards[1]! * 0.75]);
    expect(weighed.columns.at(-1)).toEqual({ name: "response_time_filter", raw: [1, 0.75] });
    for (const value of ["1.01", "-0.1", "much"])
      expect(() => open({ "reward.time_weight": value })).toThrow(
        expect.objectContaining({ code: "config.bad-value" }),
      );
  });

  test("is refused where half of it is missing", () => {
    for (const [flag, value] of [
      ["reward.penalties", "keyword-match"],
      ["reward.keywords", "casino"],
    ] as const)
      expect(() => open({ [flag]: value })).toThrow(expect.objectContaining({ code: "rewards.bad-penalty" }));
  });
});
