import { expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const JOURNAL = join(import.meta.dir, "../golden/analysis/events.jsonl");
const scratch = scratchFolders("output-file");

const FILES: Record<string, string[]> = {
  report: ["analyze", JOURNAL, "--report"],
  answer: ["query", "SELECT 1", JOURNAL, "--out"],
  "answer of Parquet": ["query", "SELECT 1", JOURNAL, "--format", "parquet", "--out"],
};
const FOLDERS: Record<string, string[]> = {
  charts: ["analyze", JOURNAL, "--charts"],
  export: ["events", "export", JOURNAL, "--out"],
  "export of CSV": ["events", "export", JOURNAL, "--to", "csv", "--out"],
  "export of DuckDB": ["events", "export", JOURNAL, "--to", "duckdb", "--out"],
  dataset: ["dataset", JOURNAL, "--format", "openai-chat", "--out"],
};

/** A folder with what may stand in the place of another thing. */
function place(): string {
  const folder = scratch();
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "folder"));
  symlinkSync("loop", join(folder, "loop"));
  return folder;
}

const LONG = "x".repeat(300);
for (const [what, words] of Object.entries(FILES))
  test.each(["folder", "file/x", "none/x", "loop/x", `folder/${LONG}`])(
    `no ${what} goes to %s`,
    async (to) => {
      const folder = place();
      const { exitCode, stdout, stderr } = await captured([...words, join(folder, to)]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 73, stdout: "" });
      expect(stderr).toMatch(/^error: .*\n {2}→ .*\n$/);
      expect(existsSync(join(folder, "none"))).toBe(false);
      expect(readdirSync(join(folder, "folder"))).toEqual([]);
    },
  );
for (const [what, words] of Object.entries(FOLDERS))
  test.each(["file", "file/x", "loop", "loop/x", `folder/${LONG}`])(`no ${what} goes to %s`, async (to) => {
    const { exitCode, stderr } = await captured([...words, join(place(), to)]);
    expect(exitCode).toBe(73);
    expect(stderr).toMatch(/^error: .*\n {2}→ .*\n$/);
  });

/** These words with another journal than the one that the project keeps. */
const asked = (words: readonly string[], journal: string): string[] =>
  words.map((word) => (word === JOURNAL ? journal : word));

for (const [what, words] of [...Object.entries(FILES), ...Object.entries(FOLDERS)])
  test(`no ${what} takes the place of what is read, under whatever name`, async () => {
    const folder = scratch();
    const journal = join(folder, "events.jsonl");
    copyFileSync(JOURNAL, journal);
    symlinkSync(what in FILES ? journal : folder, join(folder, "link"));
    for (const to of [what in FILES ? journal : folder, join(folder, "link")]) {
      const { exitCode, stderr } = await captured([...asked(words, folder), to]);
      expect(stderr).toStartWith(`error: ${to} is w`);
      expect(stderr).toEndWith("  → write to another place\n");
      expect(exitCode).toBe(73);
    }
    expect(readFileSync(journal, "utf8")).toBe(readFileSync(JOURNAL, "utf8"));
    expect(readdirSync(folder).sort()).toEqual(["events.jsonl", "link"]);
  });

test("beside a folder with a journal, and in the folder of an export itself, files may be written", async () => {
  const folder = scratch();
  mkdirSync(join(folder, "logs"));
  copyFileSync(JOURNAL, join(folder, "logs/events.jsonl"));
  for (const source of [folder, folder]) {
    const words = ["events", "export", source, "--to", "csv", "--out", folder];
    expect((await captured(words)).exitCode).toBe(0);
  }
});
