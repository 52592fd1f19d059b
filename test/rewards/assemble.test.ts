import { expect, test } from "bun:test";
import type { Question } from "../../src/base/vocabulary.ts";
import { augmentPrompt } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { fakeModels } from "./fake-models.ts";

const TEXT =
  "The abbey stands on an island in the river. Monks built it in the year 1132. They traded salt, wool and honey with the towns. A fire took the roof in 1580. Today a school uses what is left.";
const question: Question = {
  name: "augment",
  task: "augment",
  origin: "dataset",
  prompt: augmentPrompt(TEXT, 3),
  basePrompt: TEXT,
  forward: "test",
};

test("a step of the embedded profile reads each text once, whatever parts want it", async () => {
  const encoder = new FakeEncoder();
  const pipeline = createPipeline(chosenProfile("embedded"), { models: fakeModels(encoder) });
  const answers = [
    "Monks built the abbey in 1132. It stands on an island. A school uses the rest.",
    "They traded salt and honey. A fire took the roof in 1580. Today a school uses what is left.",
    "They traded salt and honey. A fire took the roof in 1580. Today a school uses what is left.",
    "Ships sail to the north every spring.",
  ];
  await pipeline.score(question, answers);
  const read = encoder.batches.flat();
  for (const text of [question.prompt, TEXT, ...answers]) expect(read).toContain(text);
  expect(read.length).toBe(new Set(read).size);
});
