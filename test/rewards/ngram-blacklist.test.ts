import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configureLog } from "../../src/base/log.ts";
import type { Question } from "../../src/base/vocabulary.ts";
import { answerPrompt, augmentPrompt } from "../../src/prompts/templates.ts";
import { FuzzyNgrams } from "../../src/rewards/masks/fuzzy-ngrams.ts";
import { NgramBlacklistMask, type NgramBlacklistOptions } from "../../src/rewards/masks/ngram-blacklist.ts";
import { unpackedRows } from "../../src/rewards/masks/ngram-rows.ts";
import { drawSeeds, HashedWords } from "../../src/rewards/masks/ngrams.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";
import { question } from "./questions.ts";

/** Judges from 100 completions on, which is two steps, and forgets within a few hundred. */
const QUICK: Partial<NgramBlacklistOptions> = { error: 0.01, halfLife: 1000 };
const SPAM = "this wonderful passage teaches every careful reader something truly remarkable today";
const MINERS = 50;

/** Pseudo-random words, so that no two texts share five in a row. */
class Words {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  text(count: number): string {
    return Array.from({ length: count }, () => {
      this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
      return `w${this.#state % 9973}`;
    }).join(" ");
  }
}

/** A question about a text that no other step asks about. */
function about(number: number): Question {
  const text = new Words(number + 77_000).text(60);
  return question({ prompt: augmentPrompt(text, 4), basePrompt: text });
}

/** Steps in which so many of the fifty miners add a phrase to an answer of their own. */
async function feed(
  mask: NgramBlacklistMask,
  steps: number,
  {
    phrase = "",
    spammers = 0,
    asked = about,
  }: { phrase?: string; spammers?: number; asked?: typeof about } = {},
): Promise<void> {
  const words = new Words(steps * 31 + spammers);
  for (let step = 0; step < steps; step++)
    await scored(
      mask,
      asked(step),
      Array.from({ length: MINERS }, (_, miner) =>
        miner < spammers ? `${words.text(20)} ${phrase} ${words.text(20)}` : words.text(40),
      ),
    );
}

/** A step that counts. */
async function scored(
  mask: NgramBlacklistMask,
  asked: Question,
  completions: string[],
): Promise<{ factors: number[]; significance: number[] }> {
  const { factors, details, learn } = await mask.apply(asked, completions);
  await learn?.();
  return { factors, significance: details!.significance! };
}

async function factors(
  mask: NgramBlacklistMask,
  completions: string[],
  asked = about(999),
): Promise<number[]> {
  return (await scored(mask, asked, completions)).factors;
}

/** All that a state would have of it after a stop. */
function savedBy(mask: NgramBlacklistMask, saved = new SavedMemory()): SavedMemory {
  return saved.take(mask.changes({ all: true }));
}

/** Saved n-grams in an order of their own. */
function sortedRows({ tables }: SavedMemory): string[] {
  const rows = unpackedRows(tables.ngram_counts!, 6)!;
  return Array.from({ length: rows.length / 6 }, (_, row) => rows.slice(6 * row, 6 * row + 6).join()).sort();
}

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "debug", format: "plain", write: (line) => lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

describe("the blacklist of n-grams", () => {
  test("catches a phrase that many miners use under many texts, and nothing else", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 8, { phrase: SPAM, spammers: 10 });
    const completions = [
      `Whales. ${SPAM} Indeed.`,
      SPAM.toUpperCase(),
      "Whales breathe air and dive for an hour.",
    ];
    const { factors, significance } = await scored(mask, about(999), completions);
    expect(factors).toEqual([0, 0, 1]);
    // Ten words, in a fifth of all completions.
    expect(significance[0]).toBeCloseTo(1.3 ** 9 * 0.2 * 100, 3);
    expect(significance[2]).toBe(0);
  });

  test("shows the phrase on debug lines only", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 8, { phrase: SPAM, spammers: 10 });
    const matched = lines.filter((line) => line.includes("wonderful passage"));
    expect(matched.length).toBeGreaterThan(0);
    expect(matched.every((line) => line.includes(" DEBUG "))).toBe(true);
    expect(lines.every((line) => line.includes(" DEBUG "))).toBe(true);
  });

  test.each([
    ["one miner in fifty with ten words", 1, 10, 0],
    ["one miner in fifty with nine words", 1, 9, 1],
    ["three miners in fifty with five words", 3, 5, 1],
    ["four miners in fifty with five words", 4, 5, 0],
    ["all miners with four words", 50, 4, 1],
  ])("weighs length against share: %s", async (_name, spammers, length, expected) => {
    const mask = new NgramBlacklistMask(QUICK);
    const phrase = SPAM.split(" ").slice(0, length).join(" ");
    await feed(mask, 10, { phrase, spammers });
    expect(await factors(mask, [`so ${phrase} then`])).toEqual([expected]);
  });

  test("judges nothing before it has counted enough completions under enough texts", async () => {
    const early = new NgramBlacklistMask({ error: 0.001 });
    await feed(early, 19, { phrase: SPAM, spammers: 50 });
    expect(await factors(early, [SPAM])).toEqual([1]);
    await feed(early, 1, { phrase: SPAM, spammers: 50 });
    expect(await factors(early, [SPAM])).toEqual([0]);

    // What all say about one text is an answer to it.
    const local = new NgramBlacklistMask(QUICK);
    await feed(local, 12, { phrase: SPAM, spammers: 50, asked: () => about(3) });
    expect(await factors(local, [SPAM], about(3))).toEqual([1]);
  });

  test("takes the questions that grow one text for one text", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    const text = new Words(5).text(60);
    const grown = (step: number): Question => {
      const basePrompt = `Why ${step}?`;
      return question({
        task: "answer",
        prompt: answerPrompt(`${text} ${"more ".repeat(step)}`, basePrompt),
        basePrompt,
      });
    };
    await feed(mask, 12, { phrase: SPAM, spammers: 50, asked: grown });
    expect(await factors(mask, [SPAM])).toEqual([1]);
  });

  test("lets answers quote the prompt, word for word or nearly, and does not count it", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    const asking =
      (phrase: string) =>
      (step: number): Question => {
        const text = `${new Words(step).text(30)} ${phrase}`;
        return question({ prompt: augmentPrompt(text, 4), basePrompt: text });
      };
    await feed(mask, 10, { phrase: SPAM, spammers: 50, asked: asking(SPAM) });
    expect(await factors(mask, [SPAM])).toEqual([1]);

    await feed(mask, 10, { phrase: SPAM, spammers: 25 });
    const near = SPAM.replace("passage", "passages");
    expect(await factors(mask, [SPAM, near])).toEqual([0, 0]);
    expect(await factors(mask, [SPAM, near], asking(SPAM)(1))).toEqual([1, 1]);
    // The instruction of our own prompts is no fashion either.
    const instruction = augmentPrompt("", 4).slice(0, 120);
    await feed(mask, 10, { phrase: instruction, spammers: 50 });
    expect(await factors(mask, [instruction])).toEqual([1]);
  });

  test.each([
    [
      "case, accents and punctuation",
      "This WONDERFUL; pássage -- teaches “every” careful reader something truly",
      0,
    ],
    [
      "letters that look alike",
      "this wonderful passage teaches every cаreful reаder something truly remarkable",
      0,
    ],
    [
      "a letter changed",
      "xx wonderful passage teaches every careful reader sumething truly remarkable today",
      0,
    ],
    ["a short word added", "this wonderful passage teaches us every careful reader something truly", 0],
    [
      "another word in the place of one",
      "passage teaches every careful elephants something truly remarkable",
      1,
    ],
    [
      "every third word changed",
      "this wonderful book teaches every child reader something very remarkable today",
      1,
    ],
    [
      "the words in another order",
      "today remarkable truly something reader careful every teaches passage wonderful",
      1,
    ],
  ])("meets fuzzy forms: %s", async (_name, form, expected) => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 10, { phrase: SPAM, spammers: 10 });
    expect(await factors(mask, [form])).toEqual([expected]);
  });

  test("forgets a fashion of the past", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 20, { phrase: SPAM, spammers: 10 });
    const seen: number[] = [];
    for (let round = 0; round < 8; round++) {
      seen.push((await factors(mask, [SPAM]))[0]!);
      await feed(mask, 20);
    }
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual(seen.toSorted());
    expect(savedBy(mask).tables.ngram_phrases!.size).toBe(0);
  });

  test("goes on with the same verdicts after save and load", async () => {
    const straight = new NgramBlacklistMask(QUICK);
    await feed(straight, 10, { phrase: SPAM, spammers: 10 });
    const saved = savedBy(straight);
    const restored = new NgramBlacklistMask(QUICK);
    expect(restored.load(saved)).toBe(true);
    // Nothing is new, so nothing is written.
    expect(restored.changes({ all: true })).toEqual({ json: saved.json, tables: {} });
    await feed(restored, 1);
    await feed(straight, 1);
    const again = savedBy(restored);
    savedBy(straight, saved);
    expect(again.json).toEqual(saved.json);
    expect(sortedRows(again)).toEqual(sortedRows(saved));
    expect(again.tables.ngram_phrases).toEqual(saved.tables.ngram_phrases!);
    const completions = [SPAM, SPAM.replace("passage", "passages"), "Whales breathe air."];
    const verdict = await scored(straight, about(999), completions);
    expect(verdict.factors).toEqual([0, 0, 1]);
    expect(await scored(restored, about(999), completions)).toEqual(verdict);
  });

  test("refuses a memory of another kind and goes on with its own", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 10, { phrase: SPAM, spammers: 10 });
    const own = savedBy(mask);
    const json = own.json as Record<string, unknown>;
    const { ngram_counts: counts, ngram_phrases: phrases } = own.tables;
    const codes = Float32Array.from("one word", (letter) => letter.charCodeAt(0));
    const foreign: [unknown, Record<string, Map<number, Float32Array>>][] = [
      [undefined, own.tables],
      [{ encoder: "bag", dimensions: 64 }, own.tables],
      [{ ...json, kind: "tokens 5-14 v1" }, own.tables],
      [{ ...json, counter: { transactions: Number.NaN } }, own.tables],
      [json, { ...own.tables, ngram_phrases: new Map([[0, codes]]) }],
      [json, { ngram_phrases: phrases!, ngram_counts: new Map([[0, counts!.get(0)!.slice(1)]]) }],
      [json, { ngram_phrases: phrases!, ngram_counts: new Map([[0, counts!.get(0)!.with(1, Number.NaN)]]) }],
    ];
    for (const [otherJson, tables] of foreign) expect(mask.load({ json: otherJson, tables })).toBe(false);
    await mask.apply(about(0), []).then(({ learn }) => learn?.());
    expect(sortedRows(savedBy(mask))).toEqual(sortedRows(own));
    expect(mask.load(own)).toBe(true);
    expect(await factors(mask, [SPAM])).toEqual([0]);
  });

  test("writes its counts once in 250 steps, with their JSON, and at a stop", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    const saved = new SavedMemory().take(mask.changes({ all: false }));
    await feed(mask, 1);
    const before = JSON.stringify(saved.json);
    expect(JSON.stringify(saved.take(mask.changes({ all: false })).json)).toBe(before);
    expect(saved.tables.ngram_counts!.size).toBe(0);
    for (let step = 0; step < 249; step++) {
      const { learn } = await mask.apply(about(step), ["whales dive for an hour and breathe air"]);
      await learn?.();
    }
    expect(saved.take(mask.changes({ all: false })).tables.ngram_counts!.size).toBe(1);
    expect(JSON.stringify(saved.json)).not.toBe(before);
    await feed(mask, 1);
    expect(mask.changes({ all: false }).tables).toEqual({});
    expect(Object.keys(mask.changes({ all: true }).tables)).toEqual(["ngram_counts", "ngram_phrases"]);
  });

  test("is not changed by a step that it judged and that was not to count", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 3, { phrase: SPAM, spammers: 10 });
    const before = savedBy(mask);
    await mask.apply(about(7), [SPAM, SPAM, SPAM]);
    expect(mask.changes({ all: true })).toEqual({ json: before.json, tables: {} });
  });

  test("never punishes more than before when an answer says less", async () => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 10, { phrase: SPAM, spammers: 10 });
    const text = fc.array(fc.constantFrom(...SPAM.split(" "), "whales", "dive", "鲸", "…", ""), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.nat({ max: 30 }), async (words, cut) => {
        // A single completion hardly moves the shares, and both are judged at once.
        const [whole, part] = (await factors(mask, [words.join(" "), words.slice(cut).join(" ")])) as [
          number,
          number,
        ];
        expect(part).toBeGreaterThanOrEqual(whole);
      }),
      { numRuns: 60 },
    );
  });
});

describe("against hostile texts, the blacklist of n-grams", () => {
  const BYTES = 16_384;
  const hostile: [string, (miner: number, step: number) => string][] = [
    [
      "one letter per word",
      (miner, step) =>
        Array.from({ length: BYTES / 2 }, (_, at) => ((at * 7 + miner + step) % 36).toString(36)).join(" "),
    ],
    ["one word", (miner) => String.fromCharCode(97 + (miner % 26)).repeat(BYTES)],
    ["always new words", (miner, step) => new Words(step * MINERS + miner).text(BYTES / 6)],
    ["one word again and again", () => "spam ".repeat(BYTES / 5)],
    [
      "near misses of what is blacklisted",
      (miner) => `${SPAM.replace("careful", "unbelievably-long-word".slice(miner % 9))} `.repeat(BYTES / 90),
    ],
    ["nothing but accents and joiners", () => "\u0301\u200d".repeat(BYTES / 5)],
    ["ligatures that grow when normalised", () => "\ufdfa".repeat(BYTES / 3)],
    ["no letters", () => "?! ".repeat(BYTES / 3)],
  ];

  test.each(hostile)("holds and saves a bounded number of n-grams: %s", async (_name, make) => {
    const mask = new NgramBlacklistMask(QUICK);
    await feed(mask, 4, { phrase: SPAM, spammers: 10 });
    for (let step = 0; step < 3; step++) {
      const { factors } = await scored(
        mask,
        about(step),
        Array.from({ length: MINERS }, (_, miner) => make(miner, step)),
      );
      expect(factors.every((factor) => factor === 0 || factor === 1)).toBe(true);
    }
    const { json, tables } = savedBy(mask);
    expect(tables.ngram_counts!.size).toBeLessThanOrEqual(Math.ceil(20_000 / 682));
    expect(tables.ngram_phrases!.size).toBeLessThan(100);
    expect(JSON.stringify(json).length).toBeLessThan(1000);
  });

  test("finds what it knew after floods of new words", async () => {
    const mask = new NgramBlacklistMask({ ...QUICK, capacity: 30_000 });
    await feed(mask, 10, { phrase: SPAM, spammers: 25 });
    for (let step = 0; step < 4; step++)
      await scored(
        mask,
        about(step),
        Array.from({ length: MINERS }, (_, miner) => new Words(9 * step + miner).text(900)),
      );
    expect(await factors(mask, [SPAM, "Whales breathe air and dive for an hour."])).toEqual([0, 1]);
  });
});

describe("keys of n-grams", () => {
  test("are those of the words alone, wherever they stand", () => {
    const word = fc.string({ minLength: 1, maxLength: 6 });
    const lists = fc.array(word, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lists, lists, lists, fc.nat(), (before, words, after, pick) => {
        const seeds = { first: 1, second: 2 };
        const alone = new HashedWords(words, seeds);
        const within = new HashedWords([...before, ...words, ...after], seeds);
        const start = before.length;
        expect(within.key(start, start + words.length)).toBe(alone.key(0, words.length));
        const left = pick % words.length;
        const rest = words.toSpliced(left, 1);
        expect(within.keyWithout(start, start + words.length, start + left)).toBe(
          new HashedWords(rest, seeds).key(0, rest.length),
        );
      }),
    );
  });

  test("are whole numbers of 48 bits, differ between orders and between seeds", () => {
    const keys = new Set<number>();
    for (let n = 0; n < 20_000; n++) {
      const key = new HashedWords([`${n}`, "b", "c"], { first: 1, second: 2 }).key(0, 3);
      expect(Number.isInteger(key) && key > 0 && key < 2 ** 48).toBe(true);
      keys.add(key);
    }
    expect(keys.size).toBe(20_000);
    const key = (words: string, seeds = { first: 1, second: 2 }): number =>
      new HashedWords(words.split(" "), seeds).key(0, 3);
    expect(new Set([key("a b c"), key("c b a"), key("b a c"), key("a b c", drawSeeds())]).size).toBe(4);
  });
});

describe("fuzzy forms", () => {
  const seeds = drawSeeds();
  const find = (ngram: string, text: string): boolean => {
    const words = ngram.split(" ");
    const fuzzy = new FuzzyNgrams([[new HashedWords(words, seeds).key(0, words.length), words]], seeds);
    return !fuzzy.find(new HashedWords(text.split(" "), seeds)).next().done;
  };

  test.each([
    ["alpha beta gamma delta epsilon", "x alpha beta gamma delta epsilon y", true],
    ["alpha beta gamma delta epsilon", "alpha bota gamma delta epsilon", true],
    ["alpha beta gamma delta epsilon", "alpha boto gamma delta epsilon", true],
    ["alpha beta gamma delta epsilon", "alpha bbttoo gamma delta epsilon", false],
    ["alpha beta gamma delta epsilon", "alpha beta a gamma delta epsilon", true],
    ["alpha beta gamma delta epsilon", "alpha beta and gamma delta epsilon", false],
    ["alpha a gamma delta epsilon zeta", "alpha gamma delta epsilon zeta", true],
    ["alpha beta gamma delta epsilon", "alpha gamma delta epsilon", false],
    ["alpha beta gamma delta epsilon", "beta alpha gamma delta epsilon", false],
    [
      "alpha a gamma delta epsilon zeta eta theta iota",
      "a alpha gamma delta epsilon zeta eta theta iota",
      true,
    ],
  ])("of %j in %j: %p", (ngram, text, expected) => {
    expect(find(ngram, text)).toBe(expected);
  });

  test("are looked for in a bounded number of places", () => {
    const words = "alpha beta gamma delta epsilon".split(" ");
    const fuzzy = new FuzzyNgrams([[1, words]], seeds);
    const missed = "alpha xxxxxxxx gamma delta epsilon ".repeat(40);
    const text = new HashedWords([...missed.split(" "), ...words], seeds);
    expect([...fuzzy.find(text)]).toContain(1);
    expect([...fuzzy.find(text, { maxComparisons: 40 })]).toEqual([]);
  });
});
