import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDataset } from "../../../src/analysis/datasets/make.ts";
import type { Recipe } from "../../../src/analysis/datasets/recipe.ts";
import type { EventFile } from "../../../src/analysis/sources/source.ts";
import { Warehouse, type WarehouseOptions } from "../../../src/analysis/warehouse.ts";
import { isFailure } from "../../../src/base/error.ts";
import { lockFolder } from "../../../src/base/lock.ts";
import { scratchFolders } from "../../scratch.ts";
import { stepLine } from "../lines.ts";

const scratch = scratchFolders("dataset-grow");
const open: Warehouse[] = [];
afterEach(() => {
  for (const warehouse of open.splice(0)) warehouse.close();
});

const RECIPE: Recipe = {
  format: "openai-chat",
  names: [],
  uids: [],
  minReward: undefined,
  minima: [],
  counted: false,
  phrases: [],
  dedupe: "near",
  near: 0.8,
  languages: [],
  maxTokens: undefined,
  privacy: "replace",
  margin: 0.1,
  pairs: 2,
  validation: 0.3,
  seed: 5,
  csvRaw: false,
  license: "unknown",
};
const NAMES = ["augment", "followup0", "answer0"];

/** Steps of two runs that took place at once; some prompts and answers come again. */
function steps(from: number, to: number): object[] {
  return Array.from({ length: to - from }, (_, at) => {
    const n = from + at;
    const name = NAMES[n % 3]!;
    const best = `answer ${n % 17} by ${["bees", "ants", "birds", "frogs", "trees"][n % 5]} of the ${n % 11} gardens, to a${n}@b.example`;
    return stepLine(n, {
      run: `run-${n % 2}`,
      time: new Date(Date.UTC(2026, 10, 1) + 1_000 * Math.floor(n / 2)).toISOString(),
      name,
      task: name.replace(/\d/, ""),
      forward: `f${Math.floor(n / 3)}`,
      prompt: `question ${n % 23}`,
      completions: [best, "", `worse ${n}`],
      best,
    });
  });
}

function fileOf(lines: readonly object[]): EventFile {
  const path = join(scratch(), "events.jsonl");
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { path, format: "events", compression: "none", source: path };
}

async function make(
  files: EventFile[],
  folder: string,
  changes: Partial<Recipe> = {},
  options: Partial<WarehouseOptions> = {},
) {
  mkdirSync(folder, { recursive: true });
  const warehouse = await Warehouse.open(files, { temporary: scratch(), writable: [folder], ...options });
  open.push(warehouse);
  return makeDataset(warehouse, { ...RECIPE, ...changes }, folder, new AbortController().signal);
}

/** Everything but the rows kept for growing, whose Parquet may lie otherwise. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

const ALL = steps(0, 300);
const FORMATS = ["mining-json", "openai", "openai-chat", "dpo-pairs", "reward-model", "parquet"] as const;

describe("the same events give the same bytes", () => {
  test.each(FORMATS)("%s: in any order of lines and files, with any number of threads", async (format) => {
    const one = join(scratch(), "out");
    await make([fileOf(ALL)], one, { format }, { threads: 1 });
    const other = join(scratch(), "out");
    const files = [fileOf(ALL.slice(200).reverse()), fileOf(ALL.slice(0, 250))];
    await make(files, other, { format }, { threads: 4 });
    expect(contents(other)).toEqual(contents(one));
  });

  test.each(FORMATS)("%s: at once or bit by bit, with events that come again", async (format) => {
    const whole = join(scratch(), "out");
    await make([fileOf(ALL)], whole, { format });
    const grown = join(scratch(), "out");
    await make([fileOf(ALL.slice(100, 180))], grown, { format });
    await make([fileOf(ALL.slice(0, 120))], grown, { format });
    const last = await make([fileOf(ALL.slice(150))], grown, { format });
    expect(contents(grown)).toEqual(contents(whole));
    expect(last.seen).toBe(format === "mining-json" || format.startsWith("openai") ? 300 : 900);
    await make([fileOf(ALL)], grown, { format });
    expect(contents(grown)).toEqual(contents(whole));
  });

  test("of the old rows without the old events: what a journal no longer has stays", async () => {
    const folder = join(scratch(), "out");
    await make([fileOf(ALL.slice(0, 3))], folder, { validation: 0 });
    await make([fileOf(ALL.slice(3, 6))], folder, { validation: 0 });
    const lines = readFileSync(join(folder, "train.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).messages[0].content)).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => `question ${n}`),
    );
  });
});

/** More steps than memory is asked to hold at once: two pieces to sort, three windows to write. */
function manySteps(): object[] {
  const uids = Array.from({ length: 50 }, (_, uid) => uid);
  return Array.from({ length: 900 }, (_, n) => ({
    ...stepLine(n, { run: `run-${n % 2}`, prompt: `${n} ${"word ".repeat(800)}`, best: `text 0 of ${n}` }),
    uids,
    hotkeys: uids.map((uid) => `key-${uid}`),
    completions: uids.map((uid) => `text ${uid} of ${n}`),
    completion_times: uids.map(() => 1),
    completion_status_codes: uids.map(() => 200),
    completion_status_messages: uids.map(() => "OK"),
    rewards: uids.map((uid) => 1 - uid / 100),
    dpo: uids,
    dpo_normalized: uids,
    shadow_x: uids,
    nan_columns: [],
  }));
}

describe("of more than is looked at at once", () => {
  const many = manySteps();
  const recipe = { dedupe: "exact", validation: 0, privacy: "keep" } as const;

  test.each(["dpo-pairs", "reward-model", "parquet"] as const)(
    "%s has all in order, with the same bytes however it came",
    async (format) => {
      const whole = join(scratch(), "out");
      const made = await make([fileOf(many)], whole, { ...recipe, format }, { threads: 1 });
      expect(made.seen).toBe(45_000);
      expect(made.leftOut).toEqual({});
      const grown = join(scratch(), "out");
      for (const part of [many.slice(400).reverse(), many.slice(0, 500)])
        await make([fileOf(part)], grown, { ...recipe, format }, { threads: 4, keeps: true });
      expect(contents(grown)).toEqual(contents(whole));
      if (format === "parquet") {
        expect(made.files[0]!.examples).toBe(45_000);
        return;
      }
      const lines = readFileSync(join(whole, "train.jsonl"), "utf8").trimEnd().split("\n");
      const each = format === "dpo-pairs" ? 2 : 1;
      expect(lines.map((line) => Number.parseInt(JSON.parse(line).prompt, 10))).toEqual(
        Array.from({ length: 900 * each }, (_, at) => Math.floor(at / each)),
      );
    },
    60_000,
  );
});

test("no prompt is in both files, and another seed parts them otherwise", async () => {
  const promptsOf = (folder: string, name: string): Set<string> =>
    new Set(
      readFileSync(join(folder, name), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).messages[0].content),
    );
  const folders = [5, 6].map((seed) => ({ seed, folder: join(scratch(), "out") }));
  for (const { seed, folder } of folders) {
    await make([fileOf(ALL)], folder, { dedupe: "off", seed });
    const train = promptsOf(folder, "train.jsonl");
    const validation = promptsOf(folder, "validation.jsonl");
    expect([...train].filter((prompt) => validation.has(prompt))).toEqual([]);
    expect(train.size + validation.size).toBe(23);
    expect(validation.size).toBeGreaterThan(1);
  }
  const [first, second] = folders.map(({ folder }) => promptsOf(folder, "validation.jsonl"));
  expect(first).not.toEqual(second!);
});

describe("a folder", () => {
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => "made",
      (error) => (isFailure(error) ? error.code : error),
    );

  test("of something else is left alone", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "thesis.txt"), "mine");
    expect(await failure(make([fileOf(ALL)], folder))).toBe("dataset.not-ours");
    expect(readdirSync(folder).sort()).toEqual(["thesis.txt"]);
  });

  test("of another recipe is left alone", async () => {
    const folder = join(scratch(), "out");
    await make([fileOf(ALL)], folder);
    const before = contents(folder);
    expect(await failure(make([fileOf(ALL)], folder, { seed: 6 }))).toBe("dataset.other-recipe");
    expect(contents(folder)).toEqual(before);
  });

  test("that another process writes is left alone", async () => {
    const folder = join(scratch(), "out");
    mkdirSync(folder);
    const unlock = lockFolder(folder)!;
    expect(await failure(make([fileOf(ALL)], folder))).toBe("dataset.busy");
    unlock();
    expect(await failure(make([fileOf(ALL)], folder))).toBe("made");
  });

  test("keeps what it has when nothing is left, or the work is stopped, and shows no half file", async () => {
    const folder = join(scratch(), "out");
    expect(await failure(make([fileOf(ALL)], folder, { minReward: 0.99 }))).toBe("dataset.empty");
    expect(readdirSync(folder)).toEqual([]);
    await make([fileOf(ALL.slice(0, 90))], folder);
    const before = contents(folder);
    const stop = new AbortController();
    const files = [fileOf(ALL)];
    const warehouse = await Warehouse.open(files, {
      temporary: scratch(),
      writable: [folder],
      signal: stop.signal,
    });
    open.push(warehouse);
    stop.abort();
    expect(await failure(makeDataset(warehouse, RECIPE, folder, stop.signal))).toBe("query.stopped");
    expect(contents(folder)).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.includes(".new"))).toEqual([]);
  });

  test("that was killed between its files is made whole by the next run", async () => {
    const whole = join(scratch(), "out");
    await make([fileOf(ALL)], whole);
    const torn = join(scratch(), "out");
    await make([fileOf(ALL)], torn);
    for (const name of ["validation.jsonl", "README.md", "manifest.json"]) rmSync(join(torn, name));
    writeFileSync(join(torn, "train.jsonl"), "half");
    writeFileSync(join(torn, ".train.jsonl.new"), "half");
    await make([fileOf(ALL.slice(0, 1))], torn);
    expect(contents(torn)).toEqual(contents(whole));
    expect(existsSync(join(torn, ".train.jsonl.new"))).toBe(false);
  });
});
