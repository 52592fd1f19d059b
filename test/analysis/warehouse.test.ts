import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { toldSteps } from "../../src/analysis/insight/told-steps.ts";
import { openWarehouse } from "../../src/analysis/open-warehouse.ts";
import type { EventFile } from "../../src/analysis/sources/source.ts";
import type { Wanted } from "../../src/analysis/views/lines.ts";
import { VIEWS } from "../../src/analysis/views/views.ts";
import { type Value, Warehouse, type WarehouseOptions } from "../../src/analysis/warehouse.ts";
import { isFailure } from "../../src/base/error.ts";
import { scratchFolders } from "../scratch.ts";
import { BASE, SCORES_LINE, stepLine, WEIGHTS_LINE } from "./lines.ts";

const scratch = scratchFolders("warehouse");
const open: Warehouse[] = [];
afterEach(() => {
  for (const warehouse of open.splice(0)) warehouse.close();
});

function file(lines: readonly (object | string)[], changes: Partial<EventFile> = {}): EventFile {
  const path = join(scratch(), "events.jsonl");
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  writeFileSync(
    path,
    changes.compression === "zstd" ? zstdCompressSync(Buffer.from(`${text}\n`)) : `${text}\n`,
  );
  return { path, format: "events", compression: "none", source: path, ...changes };
}

async function warehouse(
  files: readonly EventFile[],
  options: Partial<WarehouseOptions> = {},
): Promise<Warehouse> {
  const made = await Warehouse.open(files, { temporary: scratch(), threads: 2, ...options });
  open.push(made);
  return made;
}

/** The rows of each answer. */
async function answers(house: Warehouse, sql: string): Promise<Value[][][]> {
  const found: Value[][][] = [];
  for await (const { chunks } of house.ask(sql)) found.push((await Array.fromAsync(chunks)).flat());
  return found;
}

/** The stored views as a file each. */
async function writeParquet(house: Warehouse, folder: string): Promise<EventFile[]> {
  const files: EventFile[] = [];
  for (const view of ["events", "steps"]) {
    const path = join(folder, `${view}.parquet`);
    await house.run(`COPY (SELECT * FROM ${view}) TO '${path}' (FORMAT parquet)`);
    files.push({ path, format: "parquet", compression: "none", source: path });
  }
  return files;
}

describe.each([false, true])("what is asked of event lines (kept: %p)", (keeps) => {
  test("every view has the columns and types of the table", async () => {
    const house = await warehouse([file([stepLine(1), WEIGHTS_LINE, SCORES_LINE])], { keeps });
    for (const { name, columns } of VIEWS) {
      const found = await house.rows(`SELECT column_name, column_type FROM (DESCRIBE ${name})`);
      expect(Object.fromEntries(found.map((row) => [row.column_name, row.column_type]))).toEqual(
        Object.fromEntries(Object.entries(columns).map(([column, { type }]) => [column, type])),
      );
    }
  });

  test("a step in lists, its answers in rows, its numbers one by one", async () => {
    const house = await warehouse([file([stepLine(1)])], { keeps });
    const [found] = await house.rows(
      "SELECT time, answers, answered, mean_reward, best_reward, step_length_s, stages.ask_ms AS ask_ms, stages.parts['dpo'] AS part, columns['dpo'] AS dpo FROM steps",
    );
    expect(found).toEqual({
      time: new Date("2026-11-01T00:00:01.500Z"),
      answers: 3,
      answered: 2,
      mean_reward: 1 / 3,
      best_reward: 0.75,
      step_length_s: 1.5,
      ask_ms: 900,
      part: 70,
      dpo: [-1.5, Number.NaN, -3],
    });
    expect(
      await house.rows(
        "SELECT position, uid, miner, completion, time_s, status_code, reward, is_best, columns['dpo'] AS dpo FROM answers ORDER BY position",
      ),
    ).toEqual([
      {
        position: 1,
        uid: 4,
        miner: "A",
        completion: "a plant",
        time_s: 0.5,
        status_code: 200,
        reward: 0.75,
        is_best: true,
        dpo: -1.5,
      },
      {
        position: 2,
        uid: 9,
        miner: "B",
        completion: "",
        time_s: 10,
        status_code: 408,
        reward: 0,
        is_best: false,
        dpo: Number.NaN,
      },
      {
        position: 3,
        uid: 2,
        miner: "C",
        completion: "wood",
        time_s: 0.75,
        status_code: 200,
        reward: 0.25,
        is_best: false,
        dpo: -3,
      },
    ]);
    expect(
      await house.rows(
        "SELECT uid, column_name, value, is_shadow, is_normalized FROM rewards WHERE uid = 4 ORDER BY column_name",
      ),
    ).toEqual([
      { uid: 4, column_name: "dpo", value: -1.5, is_shadow: false, is_normalized: false },
      { uid: 4, column_name: "dpo_normalized", value: 0.75, is_shadow: false, is_normalized: true },
      { uid: 4, column_name: "shadow_x", value: 0.5, is_shadow: true, is_normalized: false },
    ]);
    // null of a column that is not among nan_columns is no number at all.
    expect(await house.rows("SELECT value FROM rewards WHERE uid = 9 AND column_name = 'shadow_x'")).toEqual([
      { value: null },
    ]);
  });

  test("weights as shares, scores by uid", async () => {
    const due = { ...WEIGHTS_LINE, sequence: 7, state: "due", uids: [], values: [] };
    const house = await warehouse([file([due, WEIGHTS_LINE, SCORES_LINE])], { keeps });
    expect(
      await house.rows("SELECT state, uid, value_u16, weight FROM weights ORDER BY sequence, uid DESC"),
    ).toEqual([
      { state: "due", uid: null, value_u16: null, weight: null },
      { state: "sent", uid: 4, value_u16: 65535, weight: 0.75 },
      { state: "sent", uid: 2, value_u16: 21845, weight: 0.25 },
    ]);
    expect(await house.rows("SELECT uid, miner, score, asked FROM scores ORDER BY uid")).toEqual([
      { uid: 0, miner: "A", score: 0.5, asked: 3 },
      { uid: 1, miner: "B", score: 0.25, asked: 4 },
    ]);
  });

  test("profiles with other columns side by side, compressed and plain", async () => {
    const other = stepLine(2, { rlhf: [1, 2, 3], dpo: undefined, nan_columns: [] });
    const house = await warehouse([file([stepLine(1)], { compression: "zstd" }), file([other])], { keeps });
    expect(
      await house.rows("SELECT sequence, map_keys(columns) AS names FROM steps ORDER BY sequence"),
    ).toEqual([
      { sequence: 1, names: ["dpo", "dpo_normalized", "shadow_x"] },
      { sequence: 2, names: ["dpo_normalized", "rlhf", "shadow_x"] },
    ]);
  });

  test("lines that are cut, damaged or of something else are counted and left out", async () => {
    const house = await warehouse(
      [
        file([
          stepLine(1),
          '{"version":2,"kind":"st',
          "[1,2]",
          '{"a":1}',
          "no json",
          stepLine(2),
          '{"kind":"step","uids":"x"}',
        ]),
      ],
      { keeps },
    );
    expect(house.reading.unreadable).toBe(4);
    expect(await house.rows("SELECT count(*) AS n FROM steps")).toEqual([{ n: 2 }]);
  });

  test("an event in two files counts once, as in the first", async () => {
    const journal = file([stepLine(1), stepLine(2)]);
    const copy = file([stepLine(2, { best: "another" }), stepLine(3)], { source: "copy" });
    const house = await warehouse([journal, copy], { keeps });
    expect(house.reading.repeated).toBe(1);
    expect(await house.rows("SELECT sequence, best FROM steps ORDER BY sequence")).toEqual([
      { sequence: 1, best: "a plant" },
      { sequence: 2, best: "a plant" },
      { sequence: 3, best: "a plant" },
    ]);
    expect(await house.rows("SELECT count(*) AS n FROM events")).toEqual([{ n: 3 }]);
  });
});

test("an event twice in one file counts once, also beside its copy in another", async () => {
  const twice = [stepLine(1), stepLine(2), SCORES_LINE, stepLine(1), SCORES_LINE];
  for (const files of [[file(twice)], [file(twice), file([stepLine(1), stepLine(2)])]]) {
    const house = await warehouse(files);
    expect(house.reading).toMatchObject({ events: 3, repeated: files.length === 1 ? 2 : 4 });
    expect(await house.rows("SELECT sequence FROM steps ORDER BY 1")).toEqual([
      { sequence: 1 },
      { sequence: 2 },
    ]);
    expect(await house.rows("SELECT count(*) AS n FROM events")).toEqual([{ n: 3 }]);
    house.close();
    open.pop();
  }
});

test("names of columns that SQL cannot say, or that the reading itself uses, stop nothing", async () => {
  const house = await warehouse([
    file([stepLine(1, { "dpo\0": [1, 2, 3], filename: "x", File: [1] }), stepLine(2, { Filename: [1] })]),
  ]);
  expect(await house.rows("SELECT count(*) AS n FROM answers")).toEqual([{ n: 6 }]);
});

test("Parquet that was cut off is told as a damaged source", async () => {
  const path = join(scratch(), "cut.parquet");
  writeFileSync(path, "PAR1 and no more");
  const opened = warehouse([{ path, format: "parquet", compression: "none", source: path }]);
  expect(await opened.catch((error: unknown) => error)).toMatchObject({ code: "sources.damaged" });
});

test("a damaged file of Parquet, or one of others, is told, and those beside it are read", async () => {
  const folder = scratch();
  const house = await warehouse([file([stepLine(1), stepLine(2), SCORES_LINE])], { writable: [folder] });
  await writeParquet(house, folder);
  await house.run(`COPY (SELECT 1 AS x) TO '${folder}/foreign.parquet' (FORMAT parquet)`);
  writeFileSync(join(folder, "garbage.parquet"), "no Parquet at all");
  const bytes = readFileSync(join(folder, "steps.parquet"));
  writeFileSync(join(folder, "cut.parquet"), bytes.subarray(0, bytes.length / 2));
  for (const keeps of [false, true]) {
    const opened = await openWarehouse({
      words: [folder],
      own: () => folder,
      downloads: folder,
      temporary: scratch(),
      threads: 2,
      keeps,
    });
    try {
      const bad = opened.reports.filter(({ note }) => note !== undefined).map(({ path }) => basename(path));
      expect(bad.sort()).toEqual(["cut.parquet", "foreign.parquet", "garbage.parquet"]);
      expect(opened.warehouse.reading.damaged.map(({ path }) => basename(path)).sort()).toEqual([
        "cut.parquet",
        "foreign.parquet",
      ]);
      expect(await opened.warehouse.rows("SELECT count(*) AS n FROM steps")).toEqual([{ n: 2 }]);
      expect(opened.warehouse.reading.events).toBe(3);
    } finally {
      opened.close();
    }
  }
});

test("names of columns with quotes are names", async () => {
  const house = await warehouse([file([stepLine(1, { "x\"'); DROP": [1, 2, 3] })])]);
  expect(
    await house.rows("SELECT max(value) AS top FROM rewards WHERE starts_with(column_name, 'x')"),
  ).toEqual([{ top: 3 }]);
});

test("columns whose names differ by large and small letters alone are one, and stop nothing", async () => {
  const house = await warehouse([file([stepLine(1), stepLine(2, { DPO: [7, 8, 9], UIDS: [1] })])]);
  expect(await house.rows("SELECT count(*) AS n FROM answers")).toEqual([{ n: 6 }]);
  expect(await house.rows("SELECT map_keys(columns) AS names FROM steps WHERE step = 1")).toEqual([
    { names: expect.arrayContaining(["dpo_normalized", "shadow_x"]) },
  ]);
});

test("Parquet of both stored views gives the same answers", async () => {
  const folder = scratch();
  const house = await warehouse([file([stepLine(1), WEIGHTS_LINE, SCORES_LINE])], { writable: [folder] });
  const again = await warehouse(await writeParquet(house, folder));
  for (const { name } of VIEWS) {
    const question = `SELECT * FROM ${name} ORDER BY ALL`;
    expect(await again.rows(question)).toEqual(await house.rows(question));
  }
});

test("who was routed is told where the step tells it, also beside files of before that was told", async () => {
  const folder = scratch();
  const routed = [file([stepLine(1), stepLine(2, { routed: [1, 0, 1] })])];
  const house = await warehouse(routed, { writable: [folder] });
  const question = "SELECT step, uid, routed FROM answers ORDER BY step, position";
  const told = [
    ...[4, 9, 2].map((uid) => ({ step: 1, uid, routed: null })),
    ...[4, 9, 2].map((uid) => ({ step: 2, uid, routed: uid !== 9 })),
  ];
  expect(await house.rows(question)).toEqual(told);
  expect(await house.rows("SELECT * FROM rewards WHERE column_name = 'routed'")).toEqual([]);
  const path = join(folder, "steps.parquet");
  await house.run(`COPY (SELECT * EXCLUDE (routed) FROM steps) TO '${path}' (FORMAT parquet)`);
  const again = await warehouse([{ path, format: "parquet", compression: "none", source: path }]);
  expect(await again.rows(question)).toEqual(told.map((row) => ({ ...row, routed: null })));
});

describe("a question reaches nothing but what was named", () => {
  const ATTEMPTS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/hosts'",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "ATTACH '/tmp/other.duckdb'",
    "EXPORT DATABASE '/tmp/all'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT getenv('HOME')",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET memory_limit = '100GB'",
    "CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'y')",
  ];
  // The database itself refuses them, whoever asks.
  test.each(ATTEMPTS)("%s", async (sql) => {
    const house = await warehouse([file([stepLine(1)])]);
    for (const attempt of [() => house.run(sql), () => answers(house, sql)]) {
      const error = await attempt().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(isFailure(error, "query.refused")).toBeTrue();
    }
  });

  const CHANGES = [
    "COPY (SELECT 1) TO 'SOURCE' (USE_TMP_FILE false)",
    "SELECT 1; COPY (SELECT 1) TO 'SOURCE' (USE_TMP_FILE false)",
    "CREATE TABLE t AS SELECT 1; COPY t TO 'SOURCE' (USE_TMP_FILE false); SELECT 1",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'SOURCE' (USE_TMP_FILE false)",
    "PREPARE p AS COPY (SELECT 1) TO 'SOURCE' (USE_TMP_FILE false)",
    "SELECT 1) TO 'SOURCE' (USE_TMP_FILE false); COPY (SELECT 1",
    "SELECT 1) TO 'SOURCE' (USE_TMP_FILE false) --",
    "SELECT * FROM query('COPY (SELECT 1) TO ''SOURCE'' (USE_TMP_FILE false)')",
    "ATTACH 'SOURCE'",
    "SELECT 1; DROP VIEW answers",
  ];
  test.each(CHANGES)("and changes nothing, not what was named: %s", async (form) => {
    const source = file([stepLine(1)]);
    const folder = scratch();
    const before = readFileSync(source.path, "utf8");
    const house = await warehouse([source], { writable: [folder] });
    const sql = form.replaceAll("SOURCE", source.path);
    for (const attempt of [() => answers(house, sql), () => house.save(sql, join(folder, "answer"))]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(isFailure(error, "query.refused")).toBeTrue();
    }
    expect(readFileSync(source.path, "utf8")).toBe(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("though a database would let SQL of ours write to it", async () => {
    const source = file([stepLine(1)]);
    const house = await warehouse([source]);
    await house.run(`COPY (SELECT 1) TO '${source.path}' (USE_TMP_FILE false)`);
    expect(readFileSync(source.path, "utf8")).not.toContain("step");
  });

  const FORMS = [
    "FROM steps SELECT step",
    "VALUES (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "PIVOT answers ON uid USING avg(reward) GROUP BY step",
    "DESCRIBE steps",
    "SUMMARIZE scores",
    "CREATE TEMP MACRO half(x) AS x / 2; SELECT half(max(reward)) FROM answers",
  ];
  test.each(FORMS)("and asks in every form that gives rows: %s", async (sql) => {
    const house = await warehouse([file([stepLine(1)])]);
    const [answer, ...others] = await answers(house, sql);
    expect(answer!.length).toBeGreaterThan(0);
    expect(others).toEqual([]);
  });

  test("one question after another, in Parquet one alone", async () => {
    const folder = scratch();
    const house = await warehouse([file([stepLine(1)])], { writable: [folder] });
    const sql = "SELECT 1; CREATE TEMP MACRO half(x) AS x / 2; SELECT half(5); VALUES (3), (4);";
    expect(await answers(house, sql)).toEqual([[[1]], [[2.5]], [[3], [4]]]);
    await expect(house.save(sql, join(folder, "answer"))).rejects.toMatchObject({ code: "query.refused" });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("those before one that is refused have their answers", async () => {
    const house = await warehouse([file([stepLine(1)])]);
    const asked = house.ask("SELECT 1; SELECT nothing");
    expect((await asked.next()).value?.names).toEqual(["1"]);
    await expect(asked.next()).rejects.toMatchObject({ code: "query.refused" });
  });

  test("and what is kept is read from no file any more", async () => {
    const one = file([stepLine(1)]);
    const house = await warehouse([one], { keeps: true });
    const asked = answers(house, `SELECT * FROM read_text('${one.path}')`).catch((error: unknown) => error);
    expect(isFailure(await asked, "query.refused")).toBeTrue();
  });

  test("and the file that was named may be read by its path", async () => {
    const one = file([stepLine(1)]);
    const house = await warehouse([one]);
    expect(await house.rows(`SELECT count(*) AS n FROM read_ndjson_objects('${one.path}')`)).toEqual([
      { n: 1 },
    ]);
  });
});

describe("of lines, the newest steps alone that are wanted", () => {
  const run = { ...BASE, kind: "run", time: "2026-11-01T00:00:00Z", block: 99, sequence: 0, profile: "lite" };
  const settings = { "--neuron.device": { value: "cpu", origin: "flag" } };
  const stepOf = (sequence: number) => stepLine(sequence, sequence % 2 ? {} : { uids: [1, 2, 3] });
  const lines = [
    { ...run, settings },
    ...Array.from({ length: 9 }, (_, at) => stepOf(at + 1)),
    "no event",
    WEIGHTS_LINE,
  ];
  // Of copies the first file's counts.
  const copies = [5, 6, 7].map((sequence) => ({ ...stepOf(sequence), prompt: "a copy" }));
  const files = () => [file(lines, { compression: "zstd" }), file([...copies, "{cut"])];

  test.each([{ uid: 9 }, { uid: 3 }, { step: 6 }, { step: 77 }] satisfies Wanted[])(
    "tell the same as all would: %p",
    async (wanted) => {
      const all = await toldSteps(await warehouse(files()), wanted, 3);
      const house = await warehouse(files(), { only: { wanted, newest: 3 } });
      expect(await toldSteps(house, wanted, 3)).toEqual(all);
      expect(all).toHaveLength("uid" in wanted ? 3 : wanted.step === 6 ? 1 : 0);
      for (const step of all)
        expect(step).toMatchObject({ profile: "lite", settings, prompt: "What is a tree?" });
      expect(house.reading.unreadable).toBe(2);
    },
  );

  test("are read from no file any more", async () => {
    const [one] = files();
    const house = await warehouse([one!], { only: { wanted: { uid: 9 }, newest: 3 } });
    rmSync(one!.path);
    expect(await house.rows("SELECT count(*) AS n FROM answers WHERE uid = 9")).toEqual([{ n: 5 }]);
  });
});

test("what a reading keeps on disk goes with it, also when it fails", async () => {
  const temporary = scratch();
  const house = await Warehouse.open([file([stepLine(1)])], { temporary, keeps: true });
  expect(readdirSync(temporary)).toHaveLength(1);
  house.close();
  expect(readdirSync(temporary)).toHaveLength(0);
  await expect(Warehouse.open([file(["nothing"])], { temporary })).rejects.toMatchObject({
    code: "sources.empty",
  });
  expect(readdirSync(temporary)).toHaveLength(0);
});

test("a question for which memory does not suffice is told as such", async () => {
  const house = await warehouse([file([stepLine(1)])], { memoryBytes: 128 << 20 });
  const asked = answers(house, "SELECT list(repeat('x', 1000) || range) FROM range(1000000)");
  const error = await asked.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "query.no-memory", hint: expect.not.stringContaining("SET") });
});

test("half of a character costs no event", async () => {
  const half = JSON.stringify(stepLine(1)).replace("a plant", "a \\\\ud83c \\ud83c\\udf33 \\ud800 plant");
  const one = file([stepLine(0), half, "{", JSON.stringify(stepLine(2))]);
  for (const only of [undefined, { wanted: { uid: 4 }, newest: 9 }]) {
    const house = await warehouse([one], { only });
    expect(house.reading).toEqual({ events: 3, unreadable: 1, repeated: 0, damaged: [] });
    expect(await house.rows("SELECT sequence, completions[1] AS text, source FROM steps ORDER BY 1")).toEqual(
      [
        { sequence: 0, text: "a plant", source: one.source },
        { sequence: 1, text: "a \\ud83c 🌳 \ufffd plant", source: one.source },
        { sequence: 2, text: "a plant", source: one.source },
      ],
    );
  }
});

test("a byte order mark at the beginning of a journal, or within it, costs no event", async () => {
  const one = file([
    `\ufeff${JSON.stringify(stepLine(0))}`,
    stepLine(1),
    `\ufeff${JSON.stringify(stepLine(2))}`,
  ]);
  for (const keeps of [false, true]) {
    const house = await warehouse([one], { keeps });
    expect(house.reading).toEqual({ events: 3, unreadable: 0, repeated: 0, damaged: [] });
    const steps = await house.rows("SELECT sequence, source FROM steps ORDER BY 1");
    expect(steps).toEqual([0, 1, 2].map((sequence) => ({ sequence, source: one.source })));
  }
  const damaged = await warehouse([file(["\ufeffno event", stepLine(1), "{"])]);
  expect(damaged.reading).toEqual({ events: 1, unreadable: 2, repeated: 0, damaged: [] });
});

test("a signal that came before the reading, or between its statements, stops it", async () => {
  const source = file(Array.from({ length: 2_000 }, (_, at) => stepLine(at)));
  for (const afterMs of [0, 5, 20]) {
    const stop = new AbortController();
    if (afterMs === 0) stop.abort();
    else setTimeout(() => stop.abort(), afterMs);
    const temporary = scratch();
    const opened = Warehouse.open([source], { temporary, keeps: true, signal: stop.signal });
    expect(await opened.catch((error) => isFailure(error, "query.stopped"))).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  }
});

test("a question ends when it is stopped", async () => {
  const stop = new AbortController();
  const house = await warehouse([file([stepLine(1)])], { signal: stop.signal });
  const asked = house
    .rows("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b")
    .catch((error: unknown) => error);
  setTimeout(() => stop.abort(), 50);
  expect(isFailure(await asked, "query.stopped")).toBeTrue();
});

test("a file that grows while it is read gives whole lines only", async () => {
  const one = file([stepLine(1)]);
  appendFileSync(one.path, JSON.stringify(stepLine(2)).slice(0, 100));
  const house = await warehouse([one]);
  appendFileSync(one.path, `${JSON.stringify(stepLine(2)).slice(100)}\n`);
  expect(existsSync(one.path)).toBeTrue();
  expect(await house.rows("SELECT count(*) AS n FROM steps")).toEqual([{ n: 2 }]);
});

test("an event in a journal and in the Parquet that was made of it counts once, as in the journal", async () => {
  const lines = [stepLine(1), stepLine(2), WEIGHTS_LINE, SCORES_LINE];
  const journal = file(lines);
  const out = scratch();
  const whole = await warehouse([file([...lines, stepLine(3)])], { writable: [out] });
  const parquet = await writeParquet(whole, out);
  for (const keeps of [false, true]) {
    const house = await warehouse([journal, ...parquet], { keeps });
    expect(house.reading).toMatchObject({ events: 5, repeated: 4 });
    const counts =
      "SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM steps) AS steps, (SELECT count(*) FROM answers) AS answers, (SELECT count(*) FROM weights) AS weights";
    expect(await house.rows(counts)).toEqual([{ events: 5, steps: 3, answers: 9, weights: 2 }]);
    expect(
      await house.rows(`SELECT sequence FROM steps WHERE source = '${journal.path}' ORDER BY ALL`),
    ).toEqual([{ sequence: 1 }, { sequence: 2 }]);
  }
});
