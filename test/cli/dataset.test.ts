import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { journalOf, stepLine } from "../analysis/lines.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const JOURNAL = resolve(import.meta.dir, "../golden/datasets/journal");
const scratch = scratchFolders("dataset-cli");
const dataset = (...words: string[]) => captured(["dataset", ...words], { XDG_CACHE_HOME: scratch() });

describe("openvalidator dataset", () => {
  test("tells what it made, and as JSON what the manifest says", async () => {
    const out = join(scratch(), "out");
    const shown = await dataset(JOURNAL, "--format", "dpo-pairs", "--private", "replace", "--out", out);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/^file +examples +size +sha256 begins\n-+ .*\ntrain\.jsonl +\d+ /);
    expect(shown.stdout).toContain("29 answers of 1 run seen\n  4 left out: no answer\n");
    expect(shown.stdout).toContain("private data replaced: 1 keys");
    const json = await dataset(
      JOURNAL,
      "--format",
      "dpo-pairs",
      "--private",
      "replace",
      "--out",
      out,
      "--json",
    );
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")));
  });

  test("takes the flags of the data collector of 1.2.0", async () => {
    const folder = scratch();
    const phrases = join(folder, "phrases.txt");
    writeFileSync(phrases, "  a plant \r\n\n");
    const journal = journalOf(join(folder, "events"), [
      stepLine(0),
      stepLine(1, { name: "followup0", task: "followup", prompt: "Ask.", best: "wood" }),
    ]);
    const path = join(folder, "data.csv");
    const old = ["--export_mining_dataset", "--export_path", path, "--blacklist_path", phrases];
    // Commands set up the log by themselves, by flags: a file is what a test can read.
    const logged = ["--log.file", join(folder, "log")];
    const { exitCode } = await dataset(journal, ...old, "--include_tags", "1.2.0", ...logged);
    expect(exitCode).toBe(0);
    const log = readFileSync(join(folder, "log"), "utf8");
    expect(log).toContain("wandb download --tags");
    expect(log).toContain("openvalidator events export --to csv");
    expect(readFileSync(join(folder, "data", "train.json"), "utf8")).toBe('{"Ask.": "wood"}');
    const downloaded = await dataset(
      "--export_openai_dataset",
      "--wandb_run_id",
      "none-such",
      "--out",
      `${path}.2`,
    );
    expect(downloaded.exitCode).toBe(78);
    expect(downloaded.stderr).toContain("opentensor-dev/openvalidators/none-such");
  });

  test.each([
    [["--out", "x"], 64, "no format is named"],
    [["--format", "openai"], 64, "no folder for the dataset is named"],
    [["--format", "poem", "--out", "x"], 64, "must be one of mining-json"],
    [["--format", "mining-csv", "--validation", "0.1", "--out", "x"], 64, "rows hold two prompts"],
    [["--format", "openai", "--csv-raw", "--out", "x"], 64, "no effect on openai"],
    [["--format", "openai", "--language", "xx", "--out", "x"], 64, 'knows no "xx"; there are'],
    [["--format", "openai", "--min", "relevance", "--out", "x"], 64, "such as relevance_filter=1"],
    [["--format", "openai", "--license", "My Own", "--out", "x"], 64, "identifier such as cc-by-4.0"],
  ])("refuses %p", async (words, exitCode, sentence) => {
    const shown = await dataset(JOURNAL, ...words);
    expect(shown.stderr).toContain(sentence);
    expect(shown.exitCode).toBe(exitCode);
  });

  test("says why nothing is left", async () => {
    const out = join(scratch(), "out");
    const shown = await dataset(JOURNAL, "--format", "openai-chat", "--min-reward", "2", "--out", out);
    expect(shown.exitCode).toBe(69);
    expect(shown.stderr).toContain("nothing is left of 13 answers: 12 are left out: reward too low");
    expect(existsSync(out)).toBe(false);
  });

  test("lets hostile names and texts break neither card nor table", async () => {
    const out = join(scratch(), "out");
    const name = 'a"]: "| <b>\n---';
    const journal = journalOf(join(scratch(), "events"), [
      stepLine(0, { run: "r|\n# <script>\u001b[31m", [name]: [1, 2, 3], Reward: [3, 2, 1], nan_columns: [] }),
    ]);
    for (const format of ["reward-model", "parquet"]) {
      const shown = await dataset(journal, "--format", format, "--out", `${out}-${format}`);
      expect({ exitCode: shown.exitCode, stderr: shown.stderr }).toEqual({ exitCode: 0, stderr: "" });
      const card = readFileSync(join(`${out}-${format}`, "README.md"), "utf8");
      expect(card).toContain(`- name: ${JSON.stringify(name)}\n`);
      expect(card).toContain(String.raw`| r\| # \<script\> \[31m |`);
      expect(card.split("\n").filter((line) => line === "---")).toHaveLength(2);
    }
  });
});
