import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const JOURNAL = join(import.meta.dir, "../golden/analysis/events.jsonl");
const scratch = scratchFolders("idle-flags");

test.each([
  [["query", "SELECT 1", JOURNAL, "--json", "--format", "csv"], "--json has no effect beside --format csv"],
  [["query", "--list", "--format", "csv"], "--format has no effect beside --list"],
  [["query", "--list", "--out", "list"], "--out has no effect beside --list"],
  [["query", "--list", "SELECT 1"], "--list has no effect beside a question"],
  [["query", "SELECT 1", JOURNAL, "--netuid", "1"], "--netuid has no effect where a source is named"],
  [["explain", "1", JOURNAL, "--wallet.name", "w"], "--wallet.name has no effect where a source is named"],
  [["analyze", JOURNAL, "--netuid", "1"], "--netuid has no effect where a source is named"],
  [["miners", JOURNAL, "--netuid", "1"], "--netuid has no effect where a source is named"],
  [["events", "export", "--out", "x", "--to", "csv", "--spark"], "--spark has no effect beside --to csv"],
  [["events", "export", "--out", "x", JOURNAL, "--spark"], "--spark has no effect where a source is named"],
  [["dataset", JOURNAL, "--format", "openai", "--margin", "1"], "--margin has no effect on openai"],
  [["dataset", JOURNAL, "--format", "openai", "--pairs", "2"], "--pairs has no effect on openai"],
  [
    ["dataset", JOURNAL, "--format", "openai", "--dedupe", "exact", "--near", "1"],
    "--near has no effect without",
  ],
  [["dataset", JOURNAL, "--format", "openai", "--seed", "1"], "--seed has no effect without --validation"],
  [
    ["dataset", JOURNAL, "--format", "openai", "--mining_dataset_output_format", "csv"],
    "--mining_dataset_output_format has no effect without",
  ],
  [
    ["dataset", JOURNAL, "--format", "openai", "--min", "nosuch=1"],
    "--min names the column nosuch, which no step has",
  ],
  [
    ["dataset", JOURNAL, "--format", "openai", "--language", "xx"],
    '--language (from the command line) knows no "xx"',
  ],
  [["wandb", "download", "--all", "--tags", "1.2.0"], "--all has no effect beside --tags"],
])("a flag that would change nothing is refused: %p", async (words, sentence) => {
  const out = join(scratch(), "out");
  const given = words[0] === "dataset" ? [...words, "--out", out] : words;
  const { exitCode, stdout, stderr } = await captured(given);
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
  expect(stderr).toContain(`error: ${sentence}`);
  expect(existsSync(join(out, "train.jsonl"))).toBe(false);
});

test("what the environment says for other commands is no fault", async () => {
  const { exitCode } = await captured(["query", "SELECT 1", JOURNAL], { OPENVALIDATOR_NETUID: "7" });
  expect(exitCode).toBe(0);
});

test("--json is --format json, of an answer and of the list", async () => {
  const sql = "SELECT count(*) AS n FROM steps";
  expect(JSON.parse((await captured(["query", sql, JOURNAL, "--json"])).stdout)).toEqual([{ n: 6 }]);
  const list = (await captured(["query", "--list", "--json"])).stdout;
  expect(JSON.parse(list).map(({ name }: { name: string }) => name)).toContain("answers");
  expect((await captured(["query", "--list", "--format", "json"])).stdout).toBe(list);
});
