import { afterEach, beforeEach, expect, test } from "bun:test";
import { configureLog } from "../../src/base/log.ts";
import { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { ShadowScorer } from "../../src/rewards/shadow.ts";
import { question } from "./questions.ts";

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => void lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

/** Length of the answer as its reward, and a shadow scorer whose numbers the test gives. */
function pipelineWith(shadow: () => Promise<number[]>): RewardPipeline {
  const byLength = {
    name: "length_reward_model",
    score: async (_: unknown, answers: string[]) => answers.map(({ length }) => length),
  };
  return new RewardPipeline({
    models: [{ model: byLength, weight: 1 }],
    masks: [],
    shadow: [new ShadowScorer({ name: "prompt_reward_model", score: shadow })],
  });
}
const ANSWERS = ["a long answer", null, "short"];

test("shadow scores stand in their own column and change no reward", async () => {
  const with9 = await pipelineWith(async () => [0, 9]).score(question(), ANSWERS);
  const with1 = await pipelineWith(async () => [5, 1]).score(question(), ANSWERS);
  expect(with9.rewards).toEqual(with1.rewards);
  expect(with9.columns.map(({ name }) => name)).toEqual([
    "length_reward_model",
    "shadow_prompt_reward_model",
  ]);
  expect(with9.columns[1]).toEqual({ name: "shadow_prompt_reward_model", raw: [0, null, 9] });
});

test("a shadow scorer that fails costs its numbers and one line, until it works again", async () => {
  let isBroken = true;
  const pipeline = pipelineWith(async () => {
    if (isBroken) throw new Error("the model was given up");
    return [1, Number.NaN];
  });
  const plain = await pipelineWith(async () => [1, 2]).score(question(), ANSWERS);
  for (let step = 0; step < 3; step++) {
    const { rewards, columns } = await pipeline.score(question(), ANSWERS);
    if (step === 0) expect(rewards).toEqual(plain.rewards);
    expect(columns[1]!.raw).toEqual([null, null, null]);
  }
  expect(lines).toHaveLength(1);
  isBroken = false;
  expect((await pipeline.score(question(), ANSWERS)).columns[1]!.raw).toEqual([1, null, null]);
  expect(lines).toHaveLength(2);
});
