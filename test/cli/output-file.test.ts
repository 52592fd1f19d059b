import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
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
