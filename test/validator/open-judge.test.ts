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

  test("is refused where half of it is missing", () => {
    for (const [flag, value] of [
      ["reward.penalties", "keyword-match"],
      ["reward.keywords", "casino"],
    ] as const)
      expect(() => open({ [flag]: value })).toThrow(expect.objectContaining({ code: "rewards.bad-penalty" }));
  });
});
