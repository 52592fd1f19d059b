import { describe, expect, test } from "bun:test";
import { shuffle } from "../../models/judge/corruptions.ts";
import type { Question, Task } from "../../src/base/vocabulary.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { isUnspaced, sentencesOf, wordsOf } from "../../src/prompts/sentences.ts";
import { answerPrompt, augmentPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { BorrowingMask } from "../../src/rewards/masks/borrowing.ts";
import { ContradictionMask } from "../../src/rewards/masks/contradiction.ts";
import { FormMask } from "../../src/rewards/masks/form.ts";
import { OrderMask } from "../../src/rewards/masks/order.ts";
import { TaskFitReward } from "../../src/rewards/models/task-fit.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { FOREIGN_TEXTS, type ForeignText } from "./foreign-texts.ts";
import { question, SENTENCES } from "./questions.ts";

const ENGLISH =
  "Bees fan their wings and bring water in the heat. It cools the nest as it dries. They need no leader.";

/** What is left of a reward after all parts of the judge, with an encoder that knows nothing. */
async function rewardsOf(asked: Question, texts: string[]): Promise<number[]> {
  const fits = await new TaskFitReward(new FakeEncoder()).score(asked, texts);
  const torn = async (all: string[]) => all.map(() => ({ vector: Float32Array.of(1), disorder: 0.9 }));
  const masks = [
    new FormMask(),
    new BorrowingMask(),
    new ContradictionMask(),
    new OrderMask(torn, { middle: 0.2, slack: 0.2, width: 0.02 }),
  ];
  const verdicts = await Promise.all(masks.map((mask) => mask.apply(asked, texts)));
  return fits.map((fit, at) =>
    verdicts.reduce((left, verdict) => left * (Array.isArray(verdict) ? verdict : verdict.factors)[at]!, fit),
  );
}

function asking(task: Task, { text, question: asked }: ForeignText): Question {
  if (task === "answer") return question({ task, prompt: answerPrompt(text, asked), basePrompt: asked });
  const prompt = task === "augment" ? augmentPrompt(text, 5) : followupPrompt(text, 0);
  return question({ task, prompt, basePrompt: text });
}

/** The same words, or the same letters where only a dictionary parts words, in another order. */
function shuffled(text: string): string {
  const units = isUnspaced(text) ? [...wordsOf(text).join("")] : wordsOf(text);
  const words = shuffle(units, seededRandom(3)).join(isUnspaced(text) ? "" : " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${text.slice(-1)}`;
}

describe.each(Object.entries(FOREIGN_TEXTS))("to a text in %s", (_name, foreign) => {
  const sentences = sentencesOf(foreign.text);
  const quotedSummary = [0, 3, 6, 8, 12].map((at) => sentences[at]).join(isUnspaced(foreign.text) ? "" : " ");

  test("summaries earn the same, quoted or in words of one's own, and heaps of its words nothing", async () => {
    expect(sentences).toHaveLength(15);
    const [quoted, free, heap, english, one] = await rewardsOf(asking("augment", foreign), [
      quotedSummary,
      foreign.summary,
      shuffled(quotedSummary),
      ENGLISH,
      sentences[0]!,
    ]);
    expect(quoted).toBeGreaterThan(0.48);
    expect(free).toBeGreaterThan(0.48);
    expect(Math.max(quoted!, free!)).toBeLessThanOrEqual(0.5);
    for (const cheap of [heap, english, one]) expect(cheap).toBeLessThan(0.02);
  });

  test("answers earn the same, quoted or in words of one's own, and the question again nothing", async () => {
    const [quoted, free, heap, english, parrot] = await rewardsOf(asking("answer", foreign), [
      foreign.quoted,
      foreign.said,
      shuffled(foreign.quoted),
      ENGLISH,
      foreign.question.replace(/[?？؟¿]/g, "") + foreign.text.slice(-1),
    ]);
    expect(quoted).toBeGreaterThan(0.48);
    expect(free).toBeGreaterThan(0.48);
    for (const cheap of [heap, english, parrot]) expect(cheap).toBeLessThan(0.02);
  });

  test("a question earns its share, and neither a sentence with a mark nor an English one does", async () => {
    const [asked, copied, english] = await rewardsOf(asking("followup", foreign), [
      foreign.question,
      `${sentences[2]!.slice(0, -1)}?`,
      "Who was it that told the breeders what they should keep?",
    ]);
    expect(asked).toBeGreaterThan(0.35);
    expect(copied).toBeLessThan(0.1);
    expect(english).toBeLessThan(0.02);
  });

  test("an answer in its language to an English text earns nothing", async () => {
    const english = question({ prompt: augmentPrompt(SENTENCES.join(" "), 5) });
    expect((await rewardsOf(english, [foreign.summary]))[0]).toBeLessThan(0.01);
  });
});
