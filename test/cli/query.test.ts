import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { journalOf, SCORES_LINE, stepLine, WEIGHTS_LINE } from "../analysis/lines.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const scratch = scratchFolders("query");

async function ask(...words: string[]) {
  return await askOn({}, ...words);
}

async function askOn(screen: Record<string, string>, ...words: string[]) {
  const cache = scratch();
  const environment = { HOME: scratch(), OPENVALIDATOR_CACHE: cache, ...screen };
  const result = await captured(["query", ...words], environment);
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
    const out = join(folder, "answer");
    expect(await ask(sql, journal(), "--format", form, "--out", out)).toMatchObject({
      stdout: "",
      exitCode: 0,
    });
    expect(readFileSync(out, "utf8")).toBe(text);
    expect(readdirSync(folder)).toEqual(["answer"]);
  });

const SEVERAL: Record<string, string> = {
  table: "a\n-\n1\n1 row\n\nb\n-\n2\n1 row\n",
  csv: "a\r\n1\r\n\nb\r\n2\r\n",
  jsonl: '{"a":1}\n{"b":2}\n',
};
for (const [form, text] of Object.entries(SEVERAL))
  test(`the answers to two questions as ${form}`, async () => {
    expect((await ask("SELECT 1 AS a; SELECT 2 AS b;", journal(), "--format", form)).stdout).toBe(text);
  });

test.each([
  "SUMMARIZE rewards",
  "SUMMARIZE SELECT uid, value FROM rewards -- of all",
  "summarize table rewards",
])("%s counts NaN as missing, also into a file", async (sql) => {
  const { stdout, exitCode } = await ask(sql, journal(), "--json");
  expect(exitCode).toBe(0);
  const value = JSON.parse(stdout).find((row: Record<string, unknown>) => row.column_name === "value");
  expect(value).toMatchObject({ min: "-3.0", max: "0.75", count: 18 });
  expect(Number(value.null_percentage)).toBeCloseTo(22.22, 1);
  const out = join(scratch(), "summary.parquet");
  expect((await ask(sql, journal(), "--format", "parquet", "--out", out)).exitCode).toBe(0);
});

test("a figure that NaN takes away says how to leave it out", async () => {
  const { stderr, exitCode } = await ask("SELECT stddev(value) FROM rewards", journal());
  expect(stderr).toContain("WHERE isfinite(column)");
  expect(exitCode).toBe(64);
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

test("an answer that is wider than the terminal is cut to it, and says what is missing", async () => {
  const { stdout } = await askOn({ COLUMNS: "80" }, "SELECT uid, * EXCLUDE uid FROM answers", journal());
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^uid {2}run +sequence/);
  expect(lines.join(" ")).toMatch(/ … no room for .*\bcompletion\b.*: ask for fewer columns/);
  const long = "SELECT repeat('x', 50) AS a, 1 AS b, repeat('y', 50) AS c";
  const cut = await askOn({ COLUMNS: "60" }, long, journal());
  expect(cut.stdout).toContain(`${"x".repeat(26)}…  1  ${"y".repeat(27)}…\n1 row\n`);
  expect((await ask(long, journal())).stdout).toContain("y".repeat(50));
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

  test("moves none in an error that repeats it either", async () => {
    const lines = [stepLine(1, { completions: [hostile[1], "", ""] })];
    for (const sql of ["SELECT completion::INTEGER FROM answers", "SELECT error(completion) FROM answers"]) {
      const { stderr, exitCode } = await ask(sql, journalOf(scratch(), lines));
      for (const character of ["\u001b", "\u202e"]) expect(stderr).not.toContain(character);
      expect(stderr).toContain("\\u{1b}[31mred\\u{202e}");
      expect(exitCode).toBe(64);
    }
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

  test("because it would write to what it asks of", async () => {
    const source = journal();
    const path = join(source, "events.jsonl");
    const before = readFileSync(path, "utf8");
    const named = await ask(`COPY (SELECT 1) TO '${path}' (USE_TMP_FILE false)`, source);
    expect(named).toMatchObject({ stdout: "", exitCode: 64 });
    // The name under which a source is held for the reading can be asked for.
    const held = "(SELECT trim(value, '[]') FROM duckdb_settings() WHERE name = 'allowed_paths')";
    const copy = "COPY (SELECT 1) TO (getvariable('f')) (USE_TMP_FILE false)";
    const { stderr, exitCode } = await ask(`SET VARIABLE f = ${held}; ${copy}`, source);
    expect(stderr).toContain("SET or USE does not ask for rows");
    expect(exitCode).toBe(64);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test.each([
    ["INSTALL json", "LOAD or INSTALL"],
    ["CHECKPOINT", "CALL or CHECKPOINT"],
    ["USE memory", "SET or USE"],
    ["BEGIN", "BEGIN, COMMIT or ROLLBACK"],
    ["VACUUM", "VACUUM"],
  ])("because %s asks for no rows, by a name that the one who asks knows", async (sql, name) => {
    const { stderr, exitCode } = await ask(sql, journal());
    expect(stderr).toContain(`${name} does not ask for rows`);
    expect(exitCode).toBe(64);
  });

  test("because it goes past its tables, in a sentence that says how files are named", async () => {
    for (const sql of ["COPY steps TO '/nowhere/x.csv'", "SELECT * FROM read_csv('/nowhere/x.csv')"]) {
      const { stderr, exitCode } = await ask(sql, journal());
      expect(stderr).toContain(
        "it would read or write /nowhere/x.csv, and a question reaches its tables alone",
      );
      expect(stderr).toContain("as a source behind the question; --out writes");
      expect(exitCode).toBe(64);
    }
  });

  test("because Parquet takes one question", async () => {
    const out = join(journal(), "answer.parquet");
    for (const sql of ["SELECT 1; SELECT 2", "SELECT 1 AS a; -- one"]) {
      const { stderr, exitCode } = await ask(sql, journal(), "--format", "parquet", "--out", out);
      expect(stderr).toContain("that takes one question, and no semicolon");
      expect(exitCode).toBe(64);
    }
  });

  test("because nothing was asked, or Parquet has no file", async () => {
    for (const sql of ["  ;", "/* -- */ -- a comment"]) {
      const { stderr, exitCode } = await ask(sql, journal());
      expect(stderr).toStartWith("error: no question was asked");
      expect(exitCode).toBe(64);
    }
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
