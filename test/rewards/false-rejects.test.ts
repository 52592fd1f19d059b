import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import embedded from "../../models/profiles/embedded.json";
import type { Task } from "../../src/base/vocabulary.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { sentencesOf, wordsOf } from "../../src/prompts/sentences.ts";
import { answerPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { BorrowingMask } from "../../src/rewards/masks/borrowing.ts";
import { ContradictionMask } from "../../src/rewards/masks/contradiction.ts";
import { FormMask } from "../../src/rewards/masks/form.ts";
import { OrderMask } from "../../src/rewards/masks/order.ts";
import { DIALOGUE_AND_TECHNICAL, QUESTIONS, SHORT_ANSWERS } from "./good-english.ts";
import { question, SENTENCES } from "./questions.ts";

// A real encoder on a machine that may be busy with others.
setDefaultTimeout(120_000);

const PIECES = 50;
/** What no person would give so little of the reward for. */
const REJECTED = 0.1;
const TEXT = SENTENCES.join(" ");

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const textsIn = (path: string): string[] =>
  read(path)
    .trim()
    .split("\n")
    .map((line): string => JSON.parse(line).text);

/** One to three sentences in a row, from all over the texts, which begin and end as sentences do. */
function piecesOf(texts: readonly string[]): string[] {
  const pieces = texts.flatMap((text) => {
    const sentences = sentencesOf(text);
    return Array.from({ length: Math.floor(sentences.length / 3) }, (_, at) =>
      sentences.slice(3 * at, 3 * at + 1 + (at % 3)).join(" "),
    );
  });
  const sound = pieces.filter(
    (piece) => /^\p{Lu}/u.test(piece) && /[.!?]["”]?$/.test(piece) && wordsOf(piece).length < 150,
  );
  return Array.from({ length: PIECES }, (_, at) => sound[Math.floor((at * sound.length) / PIECES)]!);
}

/** Paragraphs of prose of a licence, its lines joined and its numbers left out. */
const paragraphsOf = (licence: string): string =>
  licence
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").replace(/^ ?(?:\(?\w{1,2}[.)] )?/, ""))
    .filter((paragraph) => paragraph.length > 60 && paragraph !== paragraph.toUpperCase())
    .join(" ");

const KINDS: Readonly<Record<string, readonly string[]>> = {
  prose: piecesOf(textsIn("../../src/prompts/sample/passages.jsonl").filter((_, at) => at % 13 >= 9)),
  manuals: piecesOf(textsIn("../bench/incentive/handbook.jsonl")),
  licences: piecesOf([
    paragraphsOf(read("../../node_modules/@huggingface/transformers/LICENSE")),
    paragraphsOf(read("../../node_modules/@substrate/connect/LICENSE")),
    paragraphsOf(read("../../LICENSE")),
  ]),
  "short answers": SHORT_ANSWERS,
  questions: QUESTIONS,
  "dialogue and technical text": DIALOGUE_AND_TECHNICAL,
};

/** The judge's masks, which have nothing to say against good English: 2 % of each kind at most, check 3 of the judge. */
describe("of good English", () => {
  let inference: InferenceSupervisor;
  beforeAll(async () => {
    inference = await InferenceSupervisor.start({ device: "cpu", models: [EMBEDDED_MODEL] });
  });
  afterAll(() => inference.stop());

  test.each(Object.keys(KINDS))("hardly any is rejected: %s", async (kind) => {
    const pieces = [...KINDS[kind]!];
    expect(new Set(pieces).size).toBe(PIECES);
    const task: Task = kind === "questions" ? "followup" : "answer";
    const asked = "Who built the harbour of the old town?";
    const given = question(
      task === "followup"
        ? { task, prompt: followupPrompt(TEXT, 0), basePrompt: TEXT }
        : { task, prompt: answerPrompt(TEXT, asked), basePrompt: asked },
    );
    const order = await new OrderMask((texts) => inference.read(EMBEDDED_MODEL, texts), embedded.order).apply(
      given,
      pieces,
    );
    const others = await Promise.all(
      [new FormMask(), new BorrowingMask(), new ContradictionMask()].map((mask) => mask.apply(given, pieces)),
    );
    const factors = [order, ...others].map((verdict) => (Array.isArray(verdict) ? verdict : verdict.factors));
    const left = pieces.map((text, at) => ({
      text,
      left: factors.reduce((product, column) => product * column[at]!, 1),
    }));
    const rejected = left.filter((piece) => piece.left < REJECTED);
    expect(rejected.map(({ text }) => text).slice(PIECES * 0.02)).toEqual([]);
    // Words of the same pieces in another order are.
    const torn = pieces.map((text) => `${text.split(" ").reverse().join(" ")}.`);
    const { factors: none } = await new OrderMask(
      (texts) => inference.read(EMBEDDED_MODEL, texts),
      embedded.order,
    ).apply(given, torn);
    expect(none.filter((factor) => factor < REJECTED).length).toBeGreaterThan(PIECES * 0.8);
  });
});
