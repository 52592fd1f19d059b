import { describe, expect, test } from "bun:test";
import { fitOfAnswer } from "../../src/rewards/fit/answer.ts";
import type { Embedded, Given, Work } from "../../src/rewards/fit/given.ts";
import { KnownWords, ownWording } from "../../src/rewards/fit/own-words.ts";
import { fitOfSummary } from "../../src/rewards/fit/summary.ts";
import { RunSource } from "../../src/rewards/masks/borrowed-runs.ts";
import { SENTENCES } from "./questions.ts";

const WIDTH = 32;
/** What every sentence of the text has, what sentence k has, what the question adds, and what nobody else has. */
const TOPIC = 0;
const ASKED = 20;
const AWAY = 21;

function unit(parts: Readonly<Record<number, number>>): Float32Array {
  const vector = new Float32Array(WIDTH);
  for (const [at, amount] of Object.entries(parts)) vector[Number(at)] = amount;
  const length = Math.hypot(...vector);
  return vector.map((number) => number / length);
}

/** @param topic how alike they are */
const sourceWith = (topic: number): Embedded[] =>
  SENTENCES.map((text, at) => ({ text, vector: unit({ [TOPIC]: topic, [at + 1]: 1 }) }));
const runs = new RunSource(SENTENCES);
const told = new KnownWords(SENTENCES);
const workOf = (...sentences: Embedded[]): Work => ({ ...sentences[0]!, sentences });

describe("wording of one's own", () => {
  test("is told by the words with meaning that the text has not", () => {
    expect(ownWording(SENTENCES[0]!, told)).toBeLessThan(0.01);
    expect(ownWording("Masons earned wages from their abbot.", told)).toBeGreaterThan(0.99);
    expect(ownWording("The text is about harbour and monks.", told)).toBeLessThan(0.15);
    expect(ownWording("and of the", told)).toBe(0);
    // Other endings, and letters too many, make no words of one's own.
    expect(ownWording("Harboured towns, monkss and their repaired outter walls.", told)).toBeLessThan(0.1);
    // What the question has is nobody's.
    const asked = new KnownWords(["Who built the harbour of the old town?"]);
    expect(ownWording("The harbour of the old town was the work of brothers.", told)).toBeLessThan(0.5);
    expect(ownWording("The harbour of the old town was the work of brothers.", told, asked)).toBeGreaterThan(
      0.9,
    );
  });
});

describe("a summary", () => {
  const source = sourceWith(0.5);
  const given: Given = { task: "augment", text: "", isEnglish: true, source, runs, told, sentences: 4 };
  /** As far from the sentences that it covers as what people write anew is. */
  const anew = (at: number): Embedded => ({
    text: [
      "Brothers raised quays.",
      "Waves tore gaps.",
      "Captains went elsewhere.",
      "Aid never came.",
      "Weavers moved off.",
      "Exhibits explain commerce.",
    ][at]!,
    vector: unit({ [TOPIC]: 0.5, [at + 1]: 0.5, [AWAY]: 0.45 }),
  });

  test("in words of its own is paid nearly as one of quotations, the same vectors with the text's words are not", () => {
    const chosen = [0, 1, 3, 5];
    const quoted = fitOfSummary(given, workOf(...chosen.map((at) => source[at]!)));
    const free = chosen.map(anew);
    const paid = fitOfSummary(given, workOf(...free));
    const copied = free.map((sentence, at) => ({ ...sentence, text: SENTENCES[chosen[at]!]! }));
    expect(paid).toBeGreaterThan(0.6 * quoted);
    expect(fitOfSummary(given, workOf(...copied))).toBeLessThan(0.75 * paid);
  });

  test("about another matter is not paid for its own words", () => {
    const other = [0, 1, 3, 5].map((at) => ({
      ...anew(at),
      vector: unit({ [TOPIC]: 0.1, [AWAY]: 1, [at + 22]: 0.6 }),
    }));
    expect(fitOfSummary(given, workOf(...other))).toBeLessThan(0.01);
  });
});

describe("an answer", () => {
  const given: Given = {
    task: "answer",
    text: "",
    isEnglish: true,
    source: sourceWith(1.2),
    runs,
    told,
    question: "Who built the harbour?",
    askedWords: new KnownWords(["Who built the harbour?"]),
    asked: unit({ [TOPIC]: 0.3, 1: 0.4, [ASKED]: 0.5 }),
  };
  const fit = (text: string, parts: Readonly<Record<number, number>>): number =>
    fitOfAnswer(given, workOf({ text, vector: unit(parts) }));

  test("in words of its own is paid when it has what tells, beyond what the question has", () => {
    const said = "Brothers of a rich abbey did, merchants themselves.";
    expect(fit(said, { [TOPIC]: 0.9, 1: 0.3, [ASKED]: 0.6, [AWAY]: 0.9 })).toBeGreaterThan(0.6);
    // Remarks about the question are near to what tells because the question is.
    expect(fit(said, { [TOPIC]: 0.25, 1: 0.3, [ASKED]: 0.6, [AWAY]: 0.9 })).toBeLessThan(0.06);
    // What the text says elsewhere, and what it says nowhere.
    expect(fit(said, { [TOPIC]: 0.5, 5: 0.9, [AWAY]: 0.9 })).toBeLessThan(0.1);
    expect(fit(said, { [AWAY]: 1, [TOPIC]: 0.1 })).toBeLessThan(0.01);
  });
});
