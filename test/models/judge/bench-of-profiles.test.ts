import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import embedded from "../../../models/profiles/embedded.json";
import type { Continuation } from "../../../src/inference/protocol.ts";
import type { ServedModels } from "../../../src/rewards/served.ts";
import { type BenchMiner, MINERS } from "../../bench/incentive/subnet.ts";
import { benchIncentive } from "../../bench/incentive.ts";
import { withProfiles } from "../../bench/profiles.ts";
import { benchReaders } from "../../bench/readers.ts";
import { Remembered, rememberedModels } from "../../bench/remembered.ts";
import type { BenchRow } from "../../bench/row.ts";
import { type LargeSize, writeFixtures } from "../../fixtures/models.ts";
import { scratchFolders } from "../../scratch.ts";

const folder = scratchFolders("bench-of-profiles");

/** Small, but with room for a prompt. */
const SIZE: LargeSize = { size: { width: 32, heads: 4, layers: 2, inner: 64 }, maxTokens: 4096 };
const fixtures = writeFixtures(["tiny-gpt-neo", "tiny-mpnet"], undefined, SIZE);
afterAll(fixtures.remove);

/** As `standard`: a language model, and relevance on another encoder than the one inside the program, which reads the order. */
const PROFILE = {
  id: "own",
  rewards: [
    { name: "dpo_reward_model", model: "tiny-gpt-neo", weight: 0.5 },
    { name: "task_fit_reward_model", model: "all-minilm-l6-v2-embedded", weight: 0.5 },
  ],
  relevance: { model: "tiny-mpnet", minCosine: 0 },
  diversity: { model: "tiny-mpnet", batchSlope: 40, batchShift: 4, historySlope: 1000, historyShift: 50 },
  order: embedded.order,
  form: true,
};

const named = (...names: string[]): BenchMiner[] => MINERS.filter(({ name }) => names.includes(name));
const FEW = named(
  "quoting 0.5",
  "quoting 1",
  "rewriting 0.5",
  "rewriting 1",
  "shuffled words",
  "random sentences",
);

/** Twelve sentences about each of some things, so that there is always another text. */
const TEXTS = ["river", "kitchen", "library"].map((thing) =>
  Array.from(
    { length: 14 },
    (_, at) =>
      `The ${thing} number ${at} has ${at + 3} wide windows, and every visitor who comes in the morning remembers how old it is.`,
  ).join(" "),
);

function ownProfile(): string {
  const path = join(folder(), "own.json");
  writeFileSync(path, JSON.stringify(PROFILE));
  return path;
}

const rowOf = (rows: readonly BenchRow[], part: string): BenchRow => {
  const row = rows.find(({ name }) => name.includes(part));
  if (row === undefined)
    throw new Error(`no row of ${part} among ${rows.map(({ name }) => name).join("; ")}`);
  return row;
};

describe("benches of profiles", () => {
  test("the incentive bench runs a second profile from texts to tables, and the same again of what it remembers", async () => {
    const choice = {
      profiles: [ownProfile()],
      models: fixtures.directory,
      cache: join(folder(), "numbers.sqlite"),
      miners: FEW,
      texts: { things: TEXTS },
      asks: 6,
      seeds: [1],
    };
    const rows = await benchIncentive(choice);
    expect(rows.every(({ name }) => name.startsWith("own, things: "))).toBe(true);
    expect(rowOf(rows, "AUC of good against bad answers").value).toBeGreaterThan(0.5);
    expect(rowOf(rows, "weight of gibberish miners").value).toBeLessThan(10);
    expect(rowOf(rows, "in median honest miners: shuffled words").value).toBeLessThan(0.2);
    expect(await benchIncentive(choice)).toEqual(rows);
  }, 120_000);

  test("the readers bench names what each reward model of a profile sees", async () => {
    const rows = await benchReaders({ profiles: [ownProfile()], models: fixtures.directory, asks: 2 });
    for (const judge of ["dpo_reward_model", "task_fit_reward_model", "reward"])
      expect(rowOf(rows, `own: ${judge} puts a good answer above an answer to another text`).unit).toBe("%");
  }, 120_000);

  test("without a profile named, what has its models runs and a sentence tells of each other", async () => {
    const told: string[] = [];
    const models = folder();
    const ran = await withProfiles({ models, tell: (sentence) => told.push(sentence) }, async ({ id }) => [
      id,
    ]);
    expect(ran).toEqual(["embedded"]);
    expect(told).toEqual([
      `The profile lite was not run: models that this profile needs are not in ${models}: oa-deberta-v3-base, minilmv2-toxic-jigsaw.`,
      expect.stringContaining("The profile standard was not run: "),
      expect.stringContaining("The profile legacy was not run: "),
    ]);
    await expect(withProfiles({ models, profiles: ["lite"] }, async () => [])).rejects.toMatchObject({
      code: "model.missing",
    });
  }, 120_000);
});

describe("models that remember", () => {
  /** Tells what it is asked; the "probability" is the length of the text. */
  function served(asked: string[][]): ServedModels {
    const logProb = async (_model: string, pairs: Continuation[]): Promise<number[]> => {
      asked.push(pairs.map(({ completion }) => completion));
      return pairs.map(({ completion }) => completion.length);
    };
    const unused = async (): Promise<never> => {
      throw new Error("not asked here");
    };
    return { read: unused, classify: unused, digitScores: unused, logProb };
  }
  const pairs = (...completions: string[]): Continuation[] =>
    completions.map((completion) => ({ prompt: "p", completion }));

  test("ask for what is new, once and in one batch, also in the next run; not of other weights", async () => {
    const path = join(folder(), "numbers.sqlite");
    const asked: string[][] = [];
    const first = new Remembered(path);
    const models = rememberedModels(served(asked), first, () => "weights");
    expect(await models.logProb("m", pairs("a", "bb", "a"), 1)).toEqual([1, 2, 1]);
    expect(await models.logProb("m", pairs("bb", "ccc"), 1)).toEqual([2, 3]);
    expect(asked).toEqual([["a", "bb"], ["ccc"]]);
    first.close();

    const second = new Remembered(path);
    await rememberedModels(served(asked), second, () => "weights").logProb("m", pairs("a", "d"), 1);
    await rememberedModels(served(asked), second, () => "weights").logProb("m", pairs("a"), 1.2);
    await rememberedModels(served(asked), second, () => "other weights").logProb("m", pairs("a"), 1);
    second.close();
    expect(asked.slice(2)).toEqual([["d"], ["a"], ["a"]]);
  });
});
