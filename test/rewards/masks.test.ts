import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { answerPrompt, augmentPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { BlacklistMask } from "../../src/rewards/masks/blacklist.ts";
import { DiversityMask } from "../../src/rewards/masks/diversity.ts";
import { FitMask } from "../../src/rewards/masks/fit.ts";
import { VectorHistory } from "../../src/rewards/masks/history.ts";
import { RelevanceMask } from "../../src/rewards/masks/relevance.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";
import { FakeEncoder } from "./fake-encoder.ts";
import { MPNET_CUTOFFS, question } from "./questions.ts";

const TEXT =
  "Whales breathe air. They dive for an hour. Their songs carry far through the cold water. ".repeat(4);
const augment = question({ prompt: augmentPrompt(TEXT, 4), basePrompt: TEXT });
const followup = question({
  name: "followup0",
  task: "followup",
  prompt: followupPrompt(TEXT, 0),
  basePrompt: TEXT,
});
const answer = question({
  name: "answer0",
  task: "answer",
  prompt: answerPrompt(TEXT, "How long do whales dive?"),
  basePrompt: "How long do whales dive?",
});

describe("the fit of the task as a mask", () => {
  const mask = new FitMask({
    name: "fit",
    score: async (_question, texts) => texts.map(({ length }) => length / 10),
  });

  test("is the fit where the task can be read, and 1 for what a user asked in words of his own", async () => {
    expect(await mask.apply(answer, ["one", "three"])).toEqual([0.3, 0.5]);
    const own = question({ prompt: "How long do whales dive?", basePrompt: "How long do whales dive?" });
    expect(await mask.apply(own, ["one", "three"])).toEqual([1, 1]);
  });
});

describe("the blacklist", () => {
  test("catches the prompt, its parts and listed phrases, and nothing else", async () => {
    const mask = new BlacklistMask(["It depends."]);
    expect(
      await mask.apply(answer, [
        answer.prompt,
        TEXT,
        "How long do whales dive?",
        "It depends.",
        "They dive for an hour.",
        "It depends on the whale.",
      ]),
    ).toEqual([0, 0, 0, 0, 1, 1]);
    expect(await mask.apply(augment, ["Whales breathe air and dive for an hour.", TEXT])).toEqual([1, 0]);
  });

  test("sees through case, spaces, punctuation, accents and letters that look alike", async () => {
    const mask = new BlacklistMask(["It depends."]);
    expect(
      await mask.apply(answer, [
        "IT  DEPENDS",
        "it\u200b depends!!!",
        "Ít dépends.",
        "It dереnds.", // Cyrillic е, р
        "ｉｔ ｄｅｐｅｎｄｓ",
        "it-de\u00adpends",
      ]),
    ).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("catches a long part of the prompt with words around it, but no quotation from it", async () => {
    const mask = new BlacklistMask([]);
    expect(
      await mask.apply(augment, [
        `Here is my summary. ${TEXT} Thanks.`,
        `${augment.prompt}.`,
        TEXT.slice(0, 180),
      ]),
    ).toEqual([0, 0, 1]);
  });

  test("remembers questions and answers within one forward pass only", async () => {
    const mask = new BlacklistMask([]);
    mask.beginForward("f");
    mask.remember(augment, "Whales dive.");
    mask.remember(followup, "Sure. How deep do whales dive?");
    mask.remember(answer, "For about an hour.");
    const completions = [
      "Whales dive.",
      "How deep do whales dive?",
      "Sure! How deep do whales dive?",
      "for about AN hour",
      "Two hours.",
    ];
    expect(await mask.apply(followup, completions)).toEqual([1, 0, 0, 0, 1]);
    mask.endForward("f");
    expect(await mask.apply(followup, completions)).toEqual([1, 1, 1, 1, 1]);
  });

  test("keeps forward passes that run side by side apart, and forgets those that never end", async () => {
    const mask = new BlacklistMask([]);
    const said = ["For about an hour."];
    mask.beginForward("a");
    mask.remember({ ...answer, forward: "a" }, said[0]!);
    mask.beginForward("b");
    // The start of one wiped the memory of the other, and what one knew was forbidden to both.
    expect(await mask.apply({ ...answer, forward: "a" }, said)).toEqual([0]);
    expect(await mask.apply({ ...answer, forward: "b" }, said)).toEqual([1]);
    mask.endForward("b");
    mask.remember({ ...answer, forward: "b" }, said[0]!);
    expect(await mask.apply({ ...answer, forward: "b" }, said)).toEqual([1]);

    for (let lost = 0; lost < 63; lost++) mask.beginForward(`lost ${lost}`);
    expect(await mask.apply({ ...answer, forward: "a" }, said)).toEqual([0]);
    mask.beginForward("one more");
    expect(await mask.apply({ ...answer, forward: "a" }, said)).toEqual([1]);
  });

  test("compares texts without letters as they are", async () => {
    const mask = new BlacklistMask(["..."]);
    expect(await mask.apply(answer, ["...", "???", "…"])).toEqual([0, 1, 1]);
  });
});

describe("the relevance mask", () => {
  test("passes what is about the base prompt, of either sign, from the bound on", async () => {
    const vectors: Record<string, number[]> = {
      base: [1, 0],
      same: [1, 0],
      bound: [0.5, Math.sqrt(0.75)],
      below: [0.49, Math.sqrt(1 - 0.49 ** 2)],
      opposite: [-1, 0],
      broken: [Number.NaN, 0],
    };
    const embedder = {
      embed: async (texts: string[]) => texts.map((text) => new Float32Array(vectors[text]!)),
    };
    const mask = new RelevanceMask({ embedder, minCosine: 0.5 });
    const completions = ["same", "bound", "below", "opposite", "broken"];
    expect(await mask.apply(question({ basePrompt: "base" }), completions)).toEqual([1, 1, 0, 1, Number.NaN]);
  });
});

describe("the diversity mask", () => {
  const mask = (encoder = new FakeEncoder()): DiversityMask =>
    new DiversityMask({ embedder: encoder, encoder: "bag", ...MPNET_CUTOFFS });

  /** A step that counts. */
  async function scored(diverse: DiversityMask, completions: string[]): Promise<number[]> {
    const { factors, learn } = await diverse.apply(question(), completions);
    await learn?.();
    return factors;
  }

  test("lowers answers that are the same and leaves one that stands alone", async () => {
    const { factors } = await mask().apply(question(), [
      "whales dive deep",
      "whales dive deep",
      "stone bridges",
    ]);
    expect(factors[0]).toBeCloseTo(1 / (1 + Math.exp(4)), 6);
    expect(factors[1]).toBeCloseTo(factors[0]!, 12);
    expect(factors[2]).toBeGreaterThan(0.99);
    expect((await mask().apply(question(), ["whales"])).factors[0]).toBeGreaterThan(0.99);
  });

  test("lowers what was said twice before, once the history is long enough", async () => {
    const diverse = mask();
    const words = (n: number): string => `w${n} v${n * 7} u${n * 13}`;
    for (let step = 0; step < 12; step++)
      await scored(
        diverse,
        Array.from({ length: 50 }, (_, index) => words(step * 50 + index)),
      );
    const said = "an answer that is always the same";
    const factors: number[] = [];
    for (let step = 0; step < 3; step++) factors.push((await scored(diverse, [said]))[0]!);
    expect(factors[0]).toBeGreaterThan(0.99);
    expect(factors[1]).toBeGreaterThan(0.99);
    expect(factors[2]).toBeLessThan(1e-20);
  });

  test("keeps a vector without numbers to itself and out of the history", async () => {
    const vectors: Record<string, number[]> = { east: [1, 0], north: [0, 1], broken: [Number.NaN, 1] };
    const embedder = {
      embed: async (texts: string[]) => texts.map((text) => new Float32Array(vectors[text]!)),
    };
    const diverse = new DiversityMask({ embedder, encoder: "axes", ...MPNET_CUTOFFS });
    const factors = await scored(diverse, ["broken", "east", "north"]);
    expect(factors[0]).toBeNaN();
    expect(factors[1]).toBeGreaterThan(0.99);
    expect(factors[2]).toBeGreaterThan(0.99);
    expect([...new SavedMemory().take(diverse.changes()).tables.diversity!.values()]).toEqual([
      Float32Array.of(1, 0),
      Float32Array.of(0, 1),
    ]);
  });
});

describe("the history of vectors", () => {
  const rowsOf = (history: VectorHistory): number[][] =>
    [...history.since(0).values()].map((row) => [...row]);

  test("is a ring that agrees with a list cut to its length, by number", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 0, max: 300 }),
        fc.nat({ max: 100 }),
        fc.nat({ max: 300 }),
        (capacity, pushes, skip, reload) => {
          let history = new VectorHistory(capacity);
          const list: number[][] = [];
          for (let n = 0; n < pushes; n++) {
            if (n === reload) {
              const [rows, next] = [[...history.since(0).values()], history.next];
              history = new VectorHistory(capacity);
              history.fill(rows, next);
            }
            history.push(new Float32Array([n, n + 1, n + 2]));
            list.push([n, n + 1, n + 2]);
          }
          const kept = list.slice(-capacity);
          expect(history.count).toBe(kept.length);
          expect([history.first, history.next]).toEqual([pushes - kept.length, pushes]);
          expect(rowsOf(history)).toEqual(kept);
          expect([...history.since(skip).keys()]).toEqual(
            [...list.keys()].filter((number) => number >= Math.max(skip, history.first)),
          );
          expect(history.blocks(skip).flatMap((block) => [...block])).toEqual(kept.slice(skip).flat());
        },
      ),
    );
  });

  test("keeps the newest of a saved history that is longer than it", () => {
    const history = new VectorHistory(2);
    history.fill(
      [1, 2, 3].map((n) => Float32Array.of(n, n)),
      9,
    );
    expect([...history.since(0)]).toEqual([
      [7, Float32Array.of(2, 2)],
      [8, Float32Array.of(3, 3)],
    ]);
  });

  test("rounds to half precision what comes in, so that a restart changes nothing", () => {
    const history = new VectorHistory(2);
    history.push(Float32Array.of(0.1, 1 / 3));
    const [row] = rowsOf(history);
    expect(row).toEqual([...new Float32Array(new Float16Array([0.1, 1 / 3]))]);
    expect(row![0]).not.toBe(Math.fround(0.1));
  });

  test("refuses a vector of another size", () => {
    const history = new VectorHistory(4);
    history.push(new Float32Array(3));
    expect(() => history.push(new Float32Array(2))).toThrow(RangeError);
  });
});
