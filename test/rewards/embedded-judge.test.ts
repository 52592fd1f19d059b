import { describe, expect, test } from "bun:test";
import { answerPrompt, augmentPrompt, followupPrompt, growText } from "../../src/prompts/templates.ts";
import type { Embedded } from "../../src/rewards/fit/given.ts";
import { KnownWords } from "../../src/rewards/fit/own-words.ts";
import { fitOfSummary } from "../../src/rewards/fit/summary.ts";
import { above, below, logistic } from "../../src/rewards/logistic.ts";
import { RunSource } from "../../src/rewards/masks/borrowed-runs.ts";
import { BorrowingMask, borrowingOf } from "../../src/rewards/masks/borrowing.ts";
import { ContradictionMask, contradictions } from "../../src/rewards/masks/contradiction.ts";
import { FormMask, formOf } from "../../src/rewards/masks/form.ts";
import { OrderMask } from "../../src/rewards/masks/order.ts";
import { TaskFitReward } from "../../src/rewards/models/task-fit.ts";
import { readingOf } from "../../src/rewards/reading.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { question, SENTENCES } from "./questions.ts";

const TEXT = SENTENCES.join(" ");
const ASKED = "Who built the harbour of the old town?";
const summary = question({ prompt: augmentPrompt(TEXT, 4), basePrompt: TEXT });
const followup = question({ task: "followup", prompt: followupPrompt(TEXT, 0), basePrompt: TEXT });
const answer = question({ task: "answer", prompt: answerPrompt(TEXT, ASKED), basePrompt: ASKED });
const organic = question({ origin: "organic", prompt: "Write a poem about the sea." });
const QUOTED = [SENTENCES[0], SENTENCES[1], SENTENCES[3], SENTENCES[5]].join(" ");

describe("soft steps", () => {
  test("are half at the middle, and each other's rest", () => {
    expect(logistic(0)).toBe(0.5);
    expect(above(3, 3, 0.1)).toBe(0.5);
    expect(above(3.1, 3, 0.1)).toBeCloseTo(0.731, 3);
    expect(above(2, 3, 0.7) + below(2, 3, 0.7)).toBeCloseTo(1, 12);
    expect(below(1e6, 0, 1e-3)).toBe(0);
  });
});

describe("what a question gives to read", () => {
  test("is the text in sentences, without the questions and labels of earlier steps", () => {
    const grown = growText(SENTENCES[0]!, "Why salt?", "It kept the fish.");
    expect(readingOf(question({ prompt: followupPrompt(grown, 1) }))).toMatchObject({
      task: "followup",
      source: [SENTENCES[0]!, "It kept the fish."],
    });
    expect(readingOf(answer)).toMatchObject({ task: "answer", question: ASKED, source: SENTENCES });
  });

  test("is nothing where a user worded it, or the text is empty", () => {
    expect(readingOf(organic)).toBeUndefined();
    expect(readingOf(question({ prompt: augmentPrompt(" ", 4) }))).toBeUndefined();
  });
});

describe("borrowed words", () => {
  const source = new RunSource(SENTENCES);

  test("are cut into the longest runs of the source, sentence by sentence", () => {
    const [runs] = source.runsOf("Monks who traded in gold built the harbour.");
    expect(runs!.map(({ length, isForeign }) => [length, isForeign])).toEqual([
      [4, false],
      [1, true],
      [1, false],
      [2, false],
    ]);
    expect(runs![0]!.places).toEqual([{ sentence: 0, at: 9 }]);
  });

  test("are all of a quotation in one run, and none of one's own words", () => {
    expect(borrowingOf(source, SENTENCES[1]!)).toEqual({
      words: 17,
      share: 1,
      run: 17,
      seams: 0,
      splices: 0,
      gaps: 0,
    });
    expect(borrowingOf(source, "Nothing fits here.")).toMatchObject({ share: 0, run: 0 });
    expect(borrowingOf(source, "")).toMatchObject({ words: 0, share: 0, seams: 0 });
    expect(borrowingOf(source, "!!! … ---")).toMatchObject({ words: 0, share: 0, splices: 0 });
  });

  test("tell a splice of two sentences from words that are left out of one", () => {
    const spliced = "The harbour of the old town asked the king for help.";
    expect(borrowingOf(source, spliced)).toMatchObject({ splices: 1, gaps: 0 });
    const cut = "The harbour of the old was built by monks traded in salt and wool.";
    expect(borrowingOf(source, cut)).toMatchObject({ splices: 0, gaps: 2 });
    // One's own word in the place of another is a change of wording, and no gap.
    const reworded = "The harbour of the ancient town was built by monks who traded in salt and wool.";
    expect(borrowingOf(source, reworded)).toMatchObject({ splices: 0, gaps: 0 });
  });

  test("without an aside are whole, and with a word of the aside missing are not", () => {
    const aside = new RunSource(["The gate (of old iron) fell in the storm and was never found again."]);
    const of = (text: string) => borrowingOf(aside, text);
    expect(of("The gate fell in the storm and was never found again.")).toMatchObject({
      gaps: 0,
      splices: 0,
    });
    expect(of("The gate (of iron) fell in the storm and was never found again.").gaps).toBe(1);
  });

  test("that the run before took for its own are given back before two sentences count as spliced", () => {
    const late = new RunSource([
      "Long term support is hard to give.",
      "We say that long term support is a gift.",
    ]);
    const said = "It seems that long term support is hard to give.";
    expect(borrowingOf(late, said)).toMatchObject({ splices: 0 });
    expect(borrowingOf(late, "We say that long term hard to give.")).toMatchObject({ splices: 1 });
  });

  test("are a splice where the end of a sentence is passed off as a whole one, unless a clause begins there", () => {
    const end = (text: string): number => borrowingOf(source, text).splices;
    expect(end("Wall in the spring, and nobody had the money to mend it.")).toBe(1);
    expect(end("Nobody had the money to mend it.")).toBe(0);
    expect(end("Where the customs were lower than before.")).toBe(0);
    // Another word in the place of the first one is a change of wording.
    expect(end("Some gale broke its outer wall in the spring, and nobody had the money to mend it.")).toBe(0);
    expect(end("As far as one knows, wall in the spring, and nobody had the money to mend it.")).toBe(0);
  });

  test("are not two words of grammar", () => {
    const plain = new RunSource(["They came and the sea rose at all hours.", "Salt and the wool were dear."]);
    expect(borrowingOf(plain, "Nobody guessed and the prices fell.")).toMatchObject({ share: 0, seams: 0 });
  });

  test("cost nothing when quoted whole or said anew, and all when pieced together", async () => {
    const { factors } = await new BorrowingMask().apply(summary, [
      QUOTED,
      "Monks made the port. Bad weather ruined it later, and traders went elsewhere.",
      "The harbour of the monks wrote about their trade. Ships from the north in the spring, and nobody.",
      "The old was built monks who in salt and. A broke its wall in spring, and had the to mend it.",
    ]);
    expect(factors[0]).toBeGreaterThan(0.98);
    expect(factors[1]).toBeGreaterThan(0.98);
    expect(factors[2]).toBeLessThan(0.05);
    expect(factors[3]).toBeLessThan(0.05);
  });

  test("in short sentences that are quoted whole are no mosaic, in pieces of sentences they are", () => {
    const short = new RunSource(["Whales breathe air.", "They dive for an hour.", "Their songs carry far."]);
    expect(borrowingOf(short, "Whales breathe air. Their songs carry far.").run).toBe(12);
    expect(borrowingOf(short, "Whales breathe. Songs carry far.").run).toBeLessThan(3);
  });

  test("are not looked for where a user worded the prompt", async () => {
    expect(await new BorrowingMask().apply(organic, ["a b c"])).toEqual({ factors: [1] });
  });

  test("of a text that says the same over and over take no time without end", () => {
    const same = new RunSource(Array.from({ length: 400 }, () => "on and on and on and on"));
    const began = performance.now();
    same.runsOf("on and on and on and on ".repeat(200));
    const spread = new RunSource([
      Array.from({ length: 400 }, (_, at) => `salt and wool ${at} and what came of it in the end`).join(" "),
    ]);
    expect(borrowingOf(spread, "salt and wool then what came of it ".repeat(400)).words).toBe(3200);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe("contradictions", () => {
  const said = (text: string): number => contradictions(source, text);
  const source = new RunSource([
    ...SENTENCES,
    "In 1450 the monks sold 12 ships. The king did not pay for them in 1451.",
  ]);

  test("are quotations with a negation put in or left out, or with another number", () => {
    expect(said("The harbour of the old town was not built by monks who traded in salt.")).toBe(1);
    expect(said("The king did pay for them.")).toBe(1);
    expect(said("In 1450 the monks sold 99 ships.")).toBe(1);
    expect(said("The king did not pay for them in 1499.")).toBe(1);
    for (const negated of [
      "wasn‘t",
      "wasnʼt",
      "wasnt",
      "was n't",
      "was hardly",
      "was scarcely",
      "was by no means",
    ])
      expect([
        negated,
        said(`The harbour of the old town ${negated} built by monks who traded in salt.`),
      ]).toEqual([negated, 1]);
    const spelled = new RunSource([
      "The siege of 1,450 days cost two hundred men their lives in the twelve months.",
    ]);
    const siege = (days: string, men: string, months: string): number =>
      contradictions(
        spelled,
        `The siege of ${days} days cost ${men} men their lives in the ${months} months.`,
      );
    expect([
      siege("1450", "200", "12"),
      siege("1,451", "two hundred", "twelve"),
      siege("1,450", "two hundred", "13"),
    ]).toEqual([0, 1, 1]);
  });

  test("are neither what is quoted as it stands nor what is left out or said anew", () => {
    expect(said(TEXT)).toBe(0);
    expect(said("The king did not pay for them in 1451.")).toBe(0);
    expect(said("The harbour of the old town was, so it says, built by monks who traded in wool.")).toBe(0);
    expect(said("No king paid for the 12 ships.")).toBe(0);
    const aside = new RunSource(["The wall (no king paid) fell in 1450."]);
    expect(contradictions(aside, "The wall fell in 1450.")).toBe(0);
    const issue = new RunSource([
      "It stands in Old Speech 62(4) 376, and on page 9 (of 1987) 12 of another.",
    ]);
    expect(contradictions(issue, "It stands in Old Speech 62 376.")).toBe(0);
    expect(contradictions(issue, "It stands in Old Speech 62 377.")).toBe(1);
  });

  test("are sentences of the text behind words that take them back", () => {
    const quoted = "the harbour of the old town was built by monks who traded in salt and wool.";
    for (const denial of [
      "It is a myth that",
      "Nobody believes that",
      "It isn’t true that",
      "It isn‘t true that",
      "It isnt true that",
      "The opposite of this is right:",
      "It is false to say that",
      "It is false, they say, that",
      "The text does not say that",
      "There is no evidence that",
      "It is wrong to think that",
      "The author denies that",
      "Historians have disproved that",
      "He rejects the claim that",
      "The text refutes the idea that",
      "It is not the case that",
      "It is highly doubtful that",
      "Few believe that",
    ])
      expect([denial, said(`${denial} ${quoted}`)]).toEqual([denial, 1]);
    for (const opening of [
      "It is not surprising that",
      "One must never forget that",
      "We should not overlook that",
      "It goes without saying that",
      "It is no accident that",
      "It is no secret that",
      "It is no wonder that",
      "There is no doubt that",
      "There can be no question that",
      "No one doubts that",
      "Nobody denies that",
      "The text does not deny that",
      "It cannot be denied that",
      "The reader is never left in doubt that",
      "It does not matter that",
      "It is not wrong to say that",
      "Not everybody knows that",
      "The mayor did not know that",
      "The king was not told that",
      "He never tired of saying that",
      "What is wrong with the legend is that",
      "His mistake was to forget that",
      "Historians reject the legend of the king and say that",
      "The king denied it, but",
      "The plan was rejected, and",
      "Although nobody expected it,",
      "Contrary to what many believe,",
      "On the contrary,",
      "Without any help from the king,",
      "Despite many doubts,",
      "Not long after,",
      "Not far from there,",
      "Not only that,",
      "None the less,",
      "It did not take long until",
      "It was not the king who paid, as",
      "The author rejects legends about kings, since",
      "The author rejects this view:",
      "The legend is false:",
      "The reason is not hard to see:",
      "The answer is no:",
      "No,",
      "No;",
      "No, because",
      "We read that",
    ])
      expect([opening, said(`${opening} ${quoted}`)]).toEqual([opening, 0]);
    // Words that are not the beginning of a sentence there may go on another one.
    expect(said("Nobody knew that the old town was built by monks who traded in salt.")).toBe(0);
  });

  test("leave a tenth of the reward, and nothing is asked of what answers a user", async () => {
    const mask = new ContradictionMask();
    const turned = "The harbour of the old town was not built by monks who traded in salt and wool.";
    const factors = await mask.apply(answer, [SENTENCES[0]!, turned]);
    expect(factors[0]).toBe(1);
    expect(factors[1]).toBeCloseTo(0.1, 12);
    expect(await mask.apply(organic, [turned])).toEqual([1]);
  });
});

describe("form", () => {
  test("of a summary or an answer: whole sentences, of a length that one reads", () => {
    expect(formOf("answer", SENTENCES[0]!)).toBeGreaterThan(0.99);
    expect(formOf("answer", "Monks of the old town built it.")).toBeGreaterThan(0.97);
    expect(formOf("answer", "Monks built")).toBe(0);
    expect(formOf("answer", "Monks.")).toBeLessThan(0.01);
    expect(formOf("answer", SENTENCES[0]!.toLowerCase())).toBeCloseTo(0.25, 2);
    expect(formOf("answer", "Who was it that asked? Was it the king or the monks?")).toBeLessThan(0.11);
    const long = Array.from({ length: 500 }, (_, at) => `word${at}`).join(" ");
    expect(formOf("augment", `W${long}.`)).toBeLessThan(0.01);
    expect(formOf("augment", `W${long}.`, { mostWords: 600 })).toBeGreaterThan(0.99);
    expect(formOf("answer", `${"Salt and wool and salt ".repeat(20)}.`)).toBeLessThan(0.01);
  });

  test("leaves to a text its own questions, and what somebody says in quotation marks", async () => {
    expect(formOf("answer", "They ask “Who built it?” and “Who paid for it?” every year.")).toBeGreaterThan(
      0.9,
    );
    const asking = question({ prompt: augmentPrompt(`Who built it? Who paid? ${TEXT}`, 4) });
    const text = `Who built it? Who paid? ${SENTENCES[0]}`;
    expect((await new FormMask().apply(asking, [text]))[0]).toBeGreaterThan(0.9);
    expect((await new FormMask().apply(summary, [text]))[0]).toBeLessThan(0.11);
  });

  test("of sentences: none goes on in a small letter after its stop", () => {
    expect(formOf("answer", "Monks built the harbour. traded in salt and wool.")).toBeCloseTo(0.25, 2);
    expect(formOf("answer", "Monks built it, e.g. of stone, with St. peter's help.")).toBeGreaterThan(0.9);
  });

  test("of a follow-up: one question that opens like one", () => {
    for (const question of [
      "After ten years, why did the families leave the town?",
      "Besides wool, what other goods could the town have sold?",
      "In which city did the families look for work?",
      "From whom did the monks buy their salt?",
      "How do bees cool their nest?",
      "Isn’t the harbour of the old town too far away?",
      "Couldn't the monks have left the old town sooner?",
      "Won't the families have looked for other work?",
    ])
      expect([question, formOf("followup", question) > 0.9]).toEqual([question, true]);
    expect(formOf("followup", "The families, what of looms and the old town?")).toBeCloseTo(0.25, 2);
    expect(formOf("followup", "And what was left of the looms of the town?")).toBeCloseTo(0.25, 2);
    expect(formOf("followup", "What does it mean?")).toBeLessThan(0.02);
    expect(formOf("followup", "The families and looms of the old town?")).toBeLessThan(0.06);
    expect(formOf("followup", "Why did the families leave the old town?")).toBeGreaterThan(0.9);
    expect(formOf("followup", "Why did the families leave the old town.")).toBe(0);
    expect(formOf("followup", "Why?")).toBeLessThan(0.01);
    expect(formOf("followup", "Why did they leave? How did they travel, and who paid?")).toBeLessThan(0.31);
    expect(formOf("followup", `Why ${"so very far away from it ".repeat(10)}?`)).toBeLessThan(0.01);
  });

  test("is not asked of what answers a user's own words", async () => {
    expect(await new FormMask().apply(organic, ["o sea"])).toEqual([1]);
    expect(await new FormMask().apply(followup, ["o sea"])).toEqual([0]);
  });
});

describe("word order", () => {
  const bound = { middle: 0.2, slack: 0.3, width: 0.01 };
  const maskWith = (disorder: (number | undefined)[]): OrderMask =>
    new OrderMask(
      async (texts) => texts.map((_, at) => ({ vector: Float32Array.of(1), disorder: disorder[at]! })),
      bound,
    );

  test("has half of the reward at the bound, which is wider for few words", async () => {
    const nine = "one two three four five six seven eight nine";
    const { factors, details } = await maskWith([0.3, 0.25, 0.35]).apply(summary, [nine, nine, nine]);
    expect(factors[0]).toBeCloseTo(0.5, 5);
    expect(factors[1]).toBeGreaterThan(0.99);
    expect(factors[2]).toBeLessThan(0.01);
    expect(details).toEqual({ disorder: [0.3, 0.25, 0.35] });
    const [long] = (await maskWith([0.3]).apply(summary, [`${nine} `.repeat(10)])).factors;
    expect(long).toBeLessThan(0.01);
  });

  test("is not asked of sentences that are quoted whole", async () => {
    const own = "Salt the of wool and monks in.";
    const read: string[] = [];
    const mask = new OrderMask(async (texts) => {
      read.push(...texts);
      return texts.map((text) => ({ vector: Float32Array.of(1), disorder: text === own ? 0.4 : 0.1 }));
    }, bound);
    const { factors, details } = await mask.apply(summary, [
      QUOTED,
      `${SENTENCES[0]} ${own}`,
      `${own} Then it rained in the town.`,
    ]);
    expect(read).toEqual([own, `${own} Then it rained in the town.`]);
    expect(factors[0]).toBeGreaterThan(0.99);
    expect(factors[1]).toBeLessThan(0.01);
    expect(details!.disorder).toEqual([0, 0.4, 0.1]);
  });

  test("is not asked of answers to a text in another language, nor of a user in another one", async () => {
    const german = "Der Hafen wurde von Mönchen gebaut, die mit Salz handelten. Sie blieben lange dort.";
    const asked = question({ prompt: augmentPrompt(german, 4) });
    const bad = await maskWith([0.9, 0.9]).apply(asked, [german, "salt of the that was in and"]);
    expect(bad.factors).toEqual([1, 1]);
    const free = await maskWith([0.9, 0.9]).apply(organic, [german, "salt of the that was in and"]);
    expect(free.factors[0]).toBe(1);
    expect(free.factors[1]).toBeLessThan(0.01);
    expect((await maskWith([0.9]).apply(summary, [german])).factors[0]).toBeLessThan(0.01);
  });

  test("of an encoder that tells nothing is not made up", async () => {
    const { factors } = await maskWith([undefined]).apply(summary, ["one two"]);
    expect(factors[0]).toBeNaN();
  });
});

describe("task fit", () => {
  const score = (asked: typeof summary, texts: string[]): Promise<number[]> =>
    new TaskFitReward(new FakeEncoder()).score(asked, texts);

  test("of a summary: all parts of the text, in about as many sentences as asked for", async () => {
    const [good, part, twice, foreign, one] = await score(summary, [
      QUOTED,
      `${SENTENCES[4]} They left. They took their looms.`,
      `${SENTENCES[0]} ${SENTENCES[0]} ${SENTENCES[3]} ${SENTENCES[5]}`,
      "Cats sleep all day. Dogs bark at night. Birds sing at dawn. Fish say nothing.",
      SENTENCES[0]!,
    ]);
    expect(good).toBeGreaterThan(0.6);
    expect(part).toBeLessThan(0.5 * good!);
    expect(twice).toBeLessThan(0.5 * good!);
    expect(foreign).toBeLessThan(0.02);
    expect(one).toBeLessThan(0.02);
    const [jumbled] = await score(summary, [
      [SENTENCES[5], SENTENCES[3], SENTENCES[1], SENTENCES[0]].join(" "),
    ]);
    expect(jumbled).toBeLessThan(0.01);
  });

  test("of a follow-up: about the text, and neither a copy nor its own answer", async () => {
    const [good, foreign, copied] = await score(followup, [
      "Why did the monks of the old town trade in salt and wool?",
      "Which birds sing at dawn when cats sleep?",
      SENTENCES[1]!.replace(".", "?"),
    ]);
    expect(good).toBeGreaterThan(0.8);
    expect(foreign).toBeLessThan(0.05);
    expect(copied).toBeLessThan(0.05);
    const [gathered] = await score(followup, [
      "What have the harbour, the customs and the museum to do with looms?",
    ]);
    expect(gathered).toBeLessThan(0.3 * good!);
  });

  test("of an answer: what the text says about the question, not the question again", async () => {
    const [good, other, parrot] = await score(answer, [
      SENTENCES[0]!,
      SENTENCES[4]!,
      "The harbour of the old town was built.",
    ]);
    expect(good).toBeGreaterThan(0.6);
    expect(other).toBeLessThan(0.3);
    expect(parrot).toBeLessThan(0.05);
    // More than half of a short text answers anything.
    const [half, most] = await score(answer, [
      SENTENCES.slice(0, 3).join(" "),
      SENTENCES.slice(0, 4).join(" "),
    ]);
    expect(half).toBeGreaterThan(0.6);
    expect(most).toBeLessThan(0.1);
    // Two words of the text are new, and what anybody can add does not make up for them.
    const [short, padded] = await score(answer, [
      "The harbour of the old town was built by monks for salt.",
      "The harbour of the old town was built, as everybody knows.",
    ]);
    expect(short).toBeGreaterThan(3 * padded!);
  });

  test("of a summary: a sentence of a text that tells of many things is not off its topic", () => {
    const unit = (at: number): Embedded => ({ text: "", vector: new Float32Array(64).fill(1, at, at + 1) });
    const source = Array.from({ length: 40 }, (_, at) => unit(at));
    const given = {
      task: "augment",
      text: "",
      isEnglish: true,
      source,
      runs: new RunSource([]),
      told: new KnownWords([]),
    } as const;
    const fit = (places: number[]): number =>
      fitOfSummary(given, { ...unit(0), sentences: places.map(unit) });
    expect(fit([4, 12, 20, 28, 36])).toBeGreaterThan(0.9);
    expect(fit([4, 12, 20, 28, 36, 63])).toBeLessThan(0.05);
  });

  test("of what answers a user is its likeness to the prompt", async () => {
    const [same, other] = await score(organic, ["Write a poem about the sea.", "Cats sleep all day."]);
    expect(same).toBeCloseTo(1, 5);
    expect(other).toBeLessThan(0.3);
  });

  test("embeds each text once, and gives one number per completion", async () => {
    const encoder = new FakeEncoder();
    const numbers = await new TaskFitReward(encoder).score(answer, ["", "Monks built it. They traded."]);
    expect(numbers).toHaveLength(2);
    expect(numbers[0]).toBe(0);
    expect(encoder.batches).toHaveLength(1);
  });
});
