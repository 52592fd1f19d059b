import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { journalOf, SCORES_LINE, stepLine, WEIGHTS_LINE } from "../analysis/lines.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const scratch = scratchFolders("query");

async function ask(...words: string[]) {
  const cache = scratch();
  const result = await captured(["query", ...words], { HOME: scratch(), OPENVALIDATOR_CACHE: cache });
  const left = join(cache, "analysis");
  expect(existsSync(left) ? readdirSync(left) : []).toEqual([]);
  return result;
}

const journal = (): string => journalOf(scratch(), [stepLine(1), stepLine(2), WEIGHTS_LINE, SCORES_LINE]);

test("an answer as a table", async () => {
  const { stdout, exitCode } = await ask(
    "SELECT uid, avg(reward) AS reward FROM answers GROUP BY uid ORDER BY 2 DESC",
    journal(),
  );
  expect(stdout).toBe(
    ["uid  reward", "---  ------", "  4    0.75", "  2    0.25", "  9       0", "3 rows", ""].join("\n"),
  );
  expect(exitCode).toBe(0);
});

const FORMS: Record<string, string> = {
  csv: "uid,completion,dpo\r\n4,a plant,-1.5\r\n9,,NaN\r\n2,wood,-3\r\n",
  json: '[\n{"uid":4,"completion":"a plant","dpo":-1.5},\n{"uid":9,"completion":"","dpo":null},\n{"uid":2,"completion":"wood","dpo":-3}\n]\n',
  jsonl:
    '{"uid":4,"completion":"a plant","dpo":-1.5}\n{"uid":9,"completion":"","dpo":null}\n{"uid":2,"completion":"wood","dpo":-3}\n',
  markdown:
    "| uid | completion | dpo |\n| --- | --- | --- |\n| 4 | a plant | -1.5 |\n| 9 |  | NaN |\n| 2 | wood | -3 |\n",
};
for (const [form, text] of Object.entries(FORMS))
  test(`an answer as ${form}, printed and in a file`, async () => {
    const folder = scratch();
    const sql =
      "SELECT uid, completion, columns['dpo'] AS dpo FROM answers WHERE step = 1 ORDER BY position;";
    expect((await ask(sql, journal(), "--format", form)).stdout).toBe(text);
    const out = join(folder, "new", "answer");
    expect(await ask(sql, journal(), "--format", form, "--out", out)).toMatchObject({
      stdout: "",
      exitCode: 0,
    });
    expect(readFileSync(out, "utf8")).toBe(text);
    expect(readdirSync(join(folder, "new"))).toEqual(["answer"]);
  });

test("a question that ends in a comment goes into Parquet too", async () => {
  const out = join(scratch(), "steps.parquet");
  const sql = "SELECT * FROM steps -- all of them";
  expect(await ask(sql, journal(), "--format", "parquet", "--out", out)).toMatchObject({ exitCode: 0 });
});

test("an answer as Parquet can be asked again", async () => {
  const out = join(scratch(), "steps.parquet");
  expect((await ask("SELECT * FROM steps", journal(), "--format", "parquet", "--out", out)).exitCode).toBe(0);
  const { stdout } = await ask("SELECT count(*) AS n FROM answers", out, "--format", "csv");
  expect(stdout).toBe("n\r\n6\r\n");
});

describe("text of strangers", () => {
  const hostile = ["=cmd|' /C calc'!A0", "\u001b[31mred\u202e", "a|b<script>", '+1"x\n2'];
  const asked = (form: string) =>
    ask(
      "SELECT unnest(completions) AS c FROM steps",
      journalOf(scratch(), [
        stepLine(1, {
          uids: [1, 2, 3, 4],
          hotkeys: ["A", "B", "C", "D"],
          completions: hostile,
          rewards: [1, 0, 0, 0],
        }),
      ]),
      "--format",
      form,
    );

  test("is no formula in CSV", async () => {
    const { stdout } = await asked("csv");
    expect(stdout).toContain("\r\n'=cmd|");
    expect(stdout).toContain('"\'+1""x\n2"');
  });

  test("moves no cursor of a terminal", async () => {
    const { stdout } = await asked("table");
    for (const character of ["\u001b", "\u202e"]) expect(stdout).not.toContain(character);
    expect(stdout).toContain("\\u{1b}[31mred\\u{202e}");
  });

  test("ends no cell of markdown, and is no tag", async () => {
    const { stdout } = await asked("markdown");
    expect(stdout).toContain("a\\|b&lt;script>");
  });
});

describe("what cannot be answered", () => {
  test("is told in a sentence, with the place and what may be meant", async () => {
    const { stderr, exitCode } = await ask("SELECT rewrd FROM answers", journal());
    expect(stderr).toContain('Referenced column "rewrd" not found');
    expect(stderr).toContain("(line 1, character 8)");
    expect(stderr).toContain('Candidate bindings: "reward"');
    expect(exitCode).toBe(64);
  });

  test("because nothing was asked, or Parquet has no file", async () => {
    expect((await ask("  ;", journal())).exitCode).toBe(64);
    expect((await ask("SELECT 1", journal(), "--format", "parquet")).exitCode).toBe(64);
  });

  test("leaves no file behind", async () => {
    const folder = scratch();
    await ask("SELECT nothing FROM answers", journal(), "--out", join(folder, "answer"));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("because there are no events", async () => {
    expect((await ask("SELECT 1", join(scratch(), "none"))).exitCode).toBe(78);
  });
});

test("the list of views names every column", async () => {
  const { stdout } = await ask("--list");
  for (const name of ["answers: ", "completion_times_s", "weights: ", "value_u16"])
    expect(stdout).toContain(name);
});
