import { describe, expect, test } from "bun:test";
import { NAMING, QUOTING } from "../../models/judge/hollow-questions.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { followupPrompt } from "../../src/prompts/templates.ts";
import { askingOf, Forms, type Wording, wordingOf } from "../../src/rewards/fit/asked.ts";
import { RunSource } from "../../src/rewards/masks/borrowed-runs.ts";
import { TaskFitReward } from "../../src/rewards/models/task-fit.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { question, SENTENCES } from "./questions.ts";

const forms = new Forms(SENTENCES);
const runs = new RunSource(SENTENCES);
const wording = (text: string): Wording => wordingOf({ runs, forms }, runs.runsOf(text).flat());

describe("words of a text in other forms", () => {
  test("are told again, and words of grammar or of others are not", () => {
    expect(
      ["monk's", "trading", "ship", "storms", "families", "harbours"].every((word) => forms.has(word)),
    ).toBe(true);
    expect(["the", "which", "looms'", "whale", "salting"].map((word) => forms.has(word))).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  test("stand together in neighbouring sentences, or in none", () => {
    expect(forms.togetherShare(["monks", "salt", "storm"], 2)).toBe(1);
    expect(forms.togetherShare(["monks", "salt", "mayor", "kings"], 2)).toBe(0.5);
    expect(forms.togetherShare(["salt", "whale"], 2)).toBe(1);
    expect(forms.togetherShare([], 2)).toBe(1);
  });
});

describe("the words of a question", () => {
  test("in a row, in a list or in a piece of the text are one block", () => {
    expect(wording("What does the text say about harbour town monks?")).toEqual({
      block: 1,
      own: "",
      isTurned: false,
    });
    expect(wording("What about harbour, town and monks here?").block).toBe(1);
    expect(wording("Why would anybody speak of the harbour of the old town?").block).toBe(1);
  });

  test("that stand apart are not, and what joins them is told where it has meaning", () => {
    expect(wording("Why did the monks quarrel with the mayor over the harbour?")).toEqual({
      block: 1 / 3,
      own: "quarrel",
      isTurned: false,
    });
    expect(wording("Did the monks of the town trade?").block).toBeLessThan(1);
    expect(wording("Couldn't the monks quarrel with the mayor?").own).toBe("quarrel");
  });

  test("are one block where nothing but what can be asked of any text is between", () => {
    expect(wording("Why is the harbour so important for the mayor in the text?").block).toBe(1);
    expect(wording("Why is the harbour so dangerous for the mayor?").block).toBe(0.5);
  });

  test("of a sentence with its verb put first are two blocks, and the verb is noticed", () => {
    const turned = wording("Why was the harbour of the old town built by monks?");
    expect(turned).toMatchObject({ isTurned: true, own: "" });
    expect(turned.block).toBeLessThan(0.7);
    expect(wording("Why is it that the harbour of the old town was built by monks?")).toMatchObject({
      isTurned: false,
      block: 1,
    });
  });

  test("may be none of the text's", () => {
    expect(wording("Which birds sing at dawn?")).toMatchObject({ block: 1, own: "birds sing dawn" });
    expect(wording("?")).toEqual({ block: 1, own: "", isTurned: false });
  });
});

describe("a question", () => {
  const source = [{ text: SENTENCES[0]!, vector: Float32Array.of(1, 0) }];
  const askingWith = (made: Partial<Wording>, own?: Float32Array): number => {
    const all = { block: 1, own: "", isTurned: false, ...made };
    return askingOf(all, own, source);
  };

  test("asks by words apart, by words of its own near the text, and by its verb", () => {
    expect(askingWith({})).toBeCloseTo(0.1 + (0.9 / 0.6) * (1 / (1 + Math.exp(3.31))), 6);
    expect(askingWith({ block: 0.5 })).toBeGreaterThan(0.9);
    expect(askingWith({}, Float32Array.of(1, 0))).toBe(1);
    expect(askingWith({}, Float32Array.of(0, 1))).toBe(askingWith({}));
    expect(askingWith({ block: 0.75, isTurned: true })).toBeGreaterThan(2 * askingWith({ block: 0.75 }));
  });

  test("that people would ask earns far more than one made of words of a sentence", async () => {
    const asked = question({ task: "followup", prompt: followupPrompt(SENTENCES.join(" "), 0) });
    const score = (texts: string[]): Promise<number[]> =>
      new TaskFitReward(new FakeEncoder()).score(asked, texts);
    const people = await score([
      "Why did the monks of the old town trade in salt and wool?",
      "Why could nobody mend the outer wall after the storm in the spring?",
      "Which ships left for the new port because the customs were lower there?",
    ]);
    const random = seededRandom(3);
    const hollow = await score(
      [NAMING["three words in a row"]!, QUOTING["four words"]!, NAMING["words of all sentences"]!].map(
        (make) => make(SENTENCES, random),
      ),
    );
    expect(Math.min(...people)).toBeGreaterThan(0.6);
    expect(Math.max(...hollow)).toBeLessThan(0.25);
  });
});
