import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exportParquet } from "../../src/analysis/export/parquet.ts";
import { VIEWS } from "../../src/analysis/views/views.ts";
import { Warehouse } from "../../src/analysis/warehouse.ts";
import { lockFolder } from "../../src/base/lock.ts";
import { journalOf, SCORES_LINE, stepLine, WEIGHTS_LINE } from "../analysis/lines.ts";
import { capturedLog } from "../captured-log.ts";
import { seeded } from "../prompts/prose.ts";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const scratch = scratchFolders("export");
const logged = capturedLog();
const environment = () => ({ HOME: scratch(), OPENVALIDATOR_CACHE: scratch() });

const LINES = [stepLine(1), stepLine(2), WEIGHTS_LINE, SCORES_LINE];

async function exported(to: string, source: string, out = scratch()): Promise<string> {
  const { exitCode, stderr } = await captured(
    ["events", "export", "--to", to, "--out", out, source],
    environment(),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return out;
}

async function ask(sql: string, source: string): Promise<unknown[]> {
  const { stdout } = await captured(["query", sql, source, "--format", "json"], environment());
  return JSON.parse(stdout);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

describe("Parquet", () => {
  test("lies by subnet and day, and gives every answer that the journal gives", async () => {
    const later = stepLine(3, { time: "2026-11-02T00:00:00Z", netuid: 9 });
    const journal = journalOf(scratch(), [...LINES, later]);
    const out = await exported("parquet", journal);
    expect(filesIn(out).map((name) => name.replace(/[0-9a-f]{32}/, "HASH"))).toEqual([
      "SCHEMA.md",
      "events/netuid=7/date=2026-11-01/HASH.parquet",
      "events/netuid=9/date=2026-11-02/HASH.parquet",
      "steps/netuid=7/date=2026-11-01/HASH.parquet",
      "steps/netuid=9/date=2026-11-02/HASH.parquet",
    ]);
    for (const { name } of VIEWS) {
      const question = `SELECT * FROM ${name} ORDER BY ALL`;
      expect(await ask(question, out)).toEqual(await ask(question, journal));
    }
  });

  test("is the same bytes for the same events, wherever they come from", async () => {
    const out = await exported("parquet", journalOf(scratch(), LINES));
    const again = await exported("parquet", out);
    expect(filesIn(again)).toEqual(filesIn(out));
    for (const name of filesIn(out))
      expect(readFileSync(join(again, name))).toEqual(readFileSync(join(out, name)));
  });

  test("is the same bytes on every machine, however many threads write it", async () => {
    // Several files of a day, each with more rows than a thread hands on at once.
    const completions = ["x", "y", "z"].map((letter) => letter.repeat(5_000));
    const lines = Array.from({ length: 4_500 }, (_, at) => stepLine(at, { completions }));
    const path = join(journalOf(scratch(), lines), "events.jsonl");
    const outs: string[] = [];
    for (const threads of [1, 4]) {
      const out = scratch();
      const file = { path, format: "events", compression: "none", source: path } as const;
      const house = await Warehouse.open([file], {
        temporary: scratch(),
        keeps: true,
        writable: [out],
        threads,
      });
      await exportParquet(house, out);
      house.close();
      outs.push(out);
    }
    expect(filesIn(outs[0]!)).toHaveLength(5);
    expect(filesIn(outs[1]!)).toEqual(filesIn(outs[0]!));
  });

  test("adds to a folder whose name has brackets", async () => {
    const out = join(scratch(), "runs[1] *");
    const journal = journalOf(scratch(), LINES);
    await exported("parquet", journal, out);
    const files = filesIn(out);
    await exported("parquet", journal, out);
    expect(filesIn(out)).toEqual(files);
  });

  test("gets what is new while the validator writes on, and nothing twice", async () => {
    const journal = journalOf(scratch(), LINES);
    const out = await exported("parquet", journal);
    const before = filesIn(out);
    await exported("parquet", journal, out);
    expect(filesIn(out)).toEqual(before);
    const cut = JSON.stringify(stepLine(11));
    appendFileSync(join(journal, "events.jsonl"), `${JSON.stringify(stepLine(10))}\n${cut.slice(0, 200)}`);
    await captured(["events", "export", "--out", out, journal], environment());
    appendFileSync(join(journal, "events.jsonl"), `${cut.slice(200)}\n`);
    await exported("parquet", journal, out);
    expect(filesIn(out)).toHaveLength(before.length + 4);
    expect(await ask("SELECT sequence FROM steps ORDER BY sequence", out)).toEqual(
      [1, 2, 10, 11].map((sequence) => ({ sequence })),
    );
  });

  test("goes on after an export that was killed between its files", async () => {
    const journal = journalOf(scratch(), LINES);
    const whole = await exported("parquet", journal);
    const out = await exported("parquet", journal);
    rmSync(join(out, "steps"), { recursive: true });
    await exported("parquet", journal, out);
    expect(filesIn(out)).toEqual(filesIn(whole));
  });
});

test("a file of an export that was cut off is told, and written again when it is gone", async () => {
  const journal = journalOf(scratch(), LINES);
  const out = await exported("parquet", journal);
  const before = filesIn(out);
  const damaged = join(out, before.at(-1)!);
  truncateSync(damaged, 100);
  const { stderr, exitCode } = await captured(["events", "export", "--out", out, journal], environment());
  expect(stderr).toStartWith(`error: what is in ${join(out, "steps")} cannot be added to: `);
  expect(stderr).toContain(damaged);
  expect(exitCode).toBe(78);
  rmSync(damaged);
  await exported("parquet", journal, out);
  expect(filesIn(out)).toEqual(before);
});

test("an export leaves nothing of one that was killed, and does not work beside another", async () => {
  const journal = journalOf(scratch(), LINES);
  for (const to of ["parquet", "csv"]) {
    const out = await exported(to, journal);
    const before = filesIn(out);
    mkdirSync(join(out, ".work-killed"));
    writeFileSync(join(out, ".work-killed", "part"), "PAR1");
    await exported(to, journal, out);
    expect(filesIn(out)).toEqual(before);
    const unlock = lockFolder(out)!;
    const { stderr, exitCode } = await captured(
      ["events", "export", "--to", to, "--out", out, journal],
      environment(),
    );
    unlock();
    expect(stderr).toStartWith(`error: another export writes to ${out} now`);
    expect(exitCode).toBe(75);
    await exported(to, journal, out);
  }
});

test("Parquet of a day with long answers is several files below 50 MB, each step once", async () => {
  // Random text is what compression makes least of.
  const random = seeded(7);
  const text = (): string =>
    Array.from({ length: 1_000_000 }, () => String.fromCharCode(32 + Math.floor(random() * 94))).join("");
  const lines = Array.from({ length: 25 }, (_, at) =>
    stepLine(at, { completions: [text(), text(), "wood"] }),
  );
  const out = await exported("parquet", journalOf(scratch(), lines));
  const files = filesIn(out).filter((name) => name.startsWith("steps/"));
  expect(files).toHaveLength(2);
  for (const name of files) expect(statSync(join(out, name)).size).toBeLessThan(50_000_000);
  expect(
    await ask(
      "SELECT count(*) AS n, count(DISTINCT sequence) AS each, sum(len(completions[1])) AS letters FROM steps",
      out,
    ),
  ).toEqual([{ n: 25, each: 25, letters: 25_000_000 }]);
});

test("CSV and JSON lines have a file for each view", async () => {
  const journal = journalOf(scratch(), LINES);
  for (const form of ["csv", "jsonl"]) {
    const out = await exported(form, journal);
    expect(filesIn(out)).toEqual(["SCHEMA.md", ...VIEWS.map(({ name }) => `${name}.${form}`)].sort());
    const schema = readFileSync(join(out, "SCHEMA.md"), "utf8");
    for (const { name, columns } of VIEWS) {
      expect(schema).toContain(`\n## ${name}\n`);
      for (const [column, { type, unit }] of Object.entries(columns))
        expect(schema).toContain(`| ${column} | ${type} | ${unit ?? ""} | `);
    }
  }
  const csv = readFileSync(join(await exported("csv", journal), "answers.csv"), "utf8");
  expect(csv.split("\r\n")).toHaveLength(8);
  expect(csv).toContain('"{""dpo"":-1.5,""dpo_normalized"":0.75,""shadow_x"":0.5}"');
});

test("a database of DuckDB has every view as a table, with what its columns are", async () => {
  const out = await exported("duckdb", journalOf(scratch(), LINES));
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(join(out, "events.duckdb"), { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  expect(await read("SELECT count(*)::INTEGER AS n FROM answers")).toEqual([{ n: 6 }]);
  expect(
    await read(
      "SELECT comment FROM duckdb_columns() WHERE table_name = 'steps' AND column_name = 'step_length_s'",
    ),
  ).toEqual([{ comment: "Wall time (s)" }]);
  connection.disconnectSync();
  instance.closeSync();
});

test.each(["csv", "jsonl", "duckdb"])("%s is never written over other events", async (to) => {
  const odd = stepLine(4, { run: '=run, "b"\n' });
  const first = journalOf(scratch(), [...LINES, odd]);
  const out = await exported(to, first);
  const before = filesIn(out);
  const bytes = (): Buffer[] => before.map((name) => readFileSync(join(out, name)));
  const kept = bytes();
  const other = journalOf(scratch(), [stepLine(1, { run: "run-b" })]);
  const { exitCode, stderr } = await captured(
    ["events", "export", "--to", to, "--out", out, other],
    environment(),
  );
  expect(stderr).toStartWith(
    `error: ${join(out, `events.${to}`)} holds 5 events that are not among the new ones, and would be written over\n  → name another folder`,
  );
  expect(exitCode).toBe(73);
  expect(filesIn(out)).toEqual(before);
  expect(bytes()).toEqual(kept);
  // More of the same is no loss.
  appendFileSync(join(first, "events.jsonl"), `${JSON.stringify(stepLine(30))}\n`);
  await exported(to, first, out);
  const both = await captured(["events", "export", "--to", to, "--out", out, first, other], environment());
  expect(both).toMatchObject({ exitCode: 0, stderr: "" });
});

test.each([
  ["csv", "events.csv"],
  ["csv", "answers.csv"],
  ["jsonl", "events.jsonl"],
  ["duckdb", "events.duckdb"],
])("%s is not written over a file %s of something else", async (to, name) => {
  const out = scratch();
  writeFileSync(join(out, name), "mine\n");
  const { exitCode, stderr } = await captured(
    ["events", "export", "--to", to, "--out", out, journalOf(scratch(), LINES)],
    environment(),
  );
  expect(stderr).toStartWith(`error: ${join(out, name)} is no whole export of this program`);
  expect(exitCode).toBe(73);
  expect(filesIn(out)).toEqual([name]);
});

test("a folder that was made for an export which fails is gone again, with those above it", async () => {
  const above = scratch();
  const { exitCode } = await captured(
    ["events", "export", "--out", join(above, "new", "out"), join(above, "missing")],
    environment(),
  );
  expect(exitCode).toBe(78);
  expect(readdirSync(above)).toEqual([]);
  const charts = await captured(
    ["analyze", "--charts", join(above, "new"), join(above, "missing")],
    environment(),
  );
  expect(charts.exitCode).toBe(78);
  expect(readdirSync(above)).toEqual([]);
});

test("a database of DuckDB is no source, and says what is", async () => {
  const out = await exported("duckdb", journalOf(scratch(), LINES));
  for (const word of [out, join(out, "events.duckdb")]) {
    const { stderr, exitCode } = await captured(["query", "SELECT 1", word], environment());
    expect(stderr).toStartWith(
      `error: ${join(out, "events.duckdb")} is nothing that events can be read from: a database of DuckDB, which is asked with duckdb itself; Parquet,`,
    );
    expect(exitCode).toBe(78);
  }
});

test("a folder has to be named, and --spark tells how to load one", async () => {
  expect((await captured(["events", "export"], environment())).exitCode).toBe(64);
  const { stdout } = await captured(["events", "export", "--spark", "--out", "/data/x"], environment());
  expect(stdout).toContain('"/data/x" + "/steps"');
});

describe("an export read back", () => {
  const HOSTILE = stepLine(5, {
    prompt: "=1+1",
    best: "",
    completions: ['\'=x, "y"\r\n', "", "＝z\u2028\u0000"],
    completion_status_messages: ["-1", "", "None"],
    cause: null,
    gating_loss: null,
    inference: null,
    stages: { choose_ms: 1, ask_ms: 2, judge_ms: null, train_ms: null, save_ms: 2, parts: {} },
    routed: [1, 0, null],
  });
  const RUN = { ...WEIGHTS_LINE, kind: "run", sequence: 0, settings: { "a.b": "c,\n'" }, permit: true };
  const ALL = [
    RUN,
    ...LINES,
    HOSTILE,
    stepLine(6, { dpo: undefined, dpo_normalized: undefined, shadow_x: undefined }),
  ];
  /** Where a file lies is its own. */
  const question = ({ name, columns }: (typeof VIEWS)[number]): string =>
    `SELECT ${"source" in columns ? "* EXCLUDE (source)" : "*"} FROM ${name} ORDER BY ALL`;

  test.each(["csv", "jsonl", "parquet"])(
    "from %s gives every answer of the journal, alone and beside it",
    async (to) => {
      const journal = journalOf(scratch(), ALL);
      const out = await exported(to, journal);
      for (const view of VIEWS) {
        // Steps tell the chain by the other events of their run.
        const sql =
          view.name === "events" && to !== "parquet"
            ? `SELECT * EXCLUDE (genesis) FROM (${question(view)})`
            : question(view);
        const told = await ask(sql, journal);
        expect(await ask(sql, out)).toEqual(told);
      }
      const counts = "SELECT count(*) AS n, (SELECT count(*) FROM answers) AS answers FROM events";
      const copy = await exported(to, out);
      for (const words of [[out], [journal, out], [out, copy], [out, copy, journal]]) {
        const { stdout } = await captured(["query", counts, ...words, "--format", "json"], environment());
        expect(JSON.parse(stdout)).toEqual([{ n: 7, answers: 12 }]);
      }
    },
  );

  test("tells of the steps that are missing beside its events, and of a table that is made of others", async () => {
    const out = await exported("csv", journalOf(scratch(), ALL));
    const count = ["query", "SELECT count(*) AS n FROM events", "--format", "json"];
    const events = await captured([...count, join(out, "events.csv")], environment());
    expect(logged.join()).toContain("its steps are told in steps.csv, which was not named");
    expect(JSON.parse(events.stdout)).toEqual([{ n: 3 }]);
    const answers = await captured([...count, join(out, "answers.csv")], environment());
    expect(answers.stderr).toContain(
      "answers.csv is nothing that events can be read from: made of events and steps",
    );
    expect(answers.exitCode).toBe(78);
  });

  test("counts rows that are cut off or changed, and reads the others", async () => {
    const out = await exported("csv", journalOf(scratch(), ALL));
    const path = join(out, "steps.csv");
    const lines = readFileSync(path, "utf8").split(/\r\n(?=run-a,)/);
    const wrong = lines[2]!.replace('"[4,9,2]"', '"[4,9"');
    writeFileSync(
      path,
      [lines[0], lines[1], wrong, ...lines.slice(3, -1), lines.at(-1)!.slice(0, 200)].join("\r\n"),
    );
    const { stdout } = await captured(
      ["query", "SELECT count(*) AS n FROM steps", out, "--format", "json"],
      environment(),
    );
    expect(JSON.parse(stdout)).toEqual([{ n: 2 }]);
    expect(logged.join()).toContain("unreadable=2");
  });
});
