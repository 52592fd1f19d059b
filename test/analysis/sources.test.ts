import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openWarehouse } from "../../src/analysis/open-warehouse.ts";
import { openSources } from "../../src/analysis/sources/open.ts";
import type { EventFile, EventLine, SourceReport } from "../../src/analysis/sources/source.ts";
import { readEvents } from "../../src/events/reader.ts";
import { WandbFileWriter } from "../../src/wandb/record-file.ts";
import { parseRow, textOfPlain, toPlain } from "../../src/wandb/row.ts";
import { stepEventOf } from "../events/step-event.ts";
import { scratchFolders } from "../scratch.ts";
import { ReportedFeed } from "../wandb/validator.ts";

const folder = scratchFolders("sources");
const GOLDEN = join(import.meta.dir, "../golden/analysis/sources");

interface Read {
  events: EventLine[];
  reports: SourceReport[];
  files: EventFile[];
}

async function read(...words: string[]): Promise<Read> {
  const temporary = folder();
  const opened = await openSources({
    words,
    own: () => join(GOLDEN, "nowhere"),
    downloads: join(GOLDEN, "wandb-1.2"),
    temporary,
  });
  try {
    const events = opened.files.flatMap(({ path, compression, format }) => {
      if (format !== "events") return [];
      const bytes = readFileSync(path);
      const text = (compression === "zstd" ? Bun.zstdDecompressSync(bytes) : bytes).toString();
      return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as EventLine]));
    });
    return { events, reports: opened.reports, files: opened.files };
  } finally {
    opened.close();
    expect(readdirSync(temporary)).toEqual([]);
  }
}

/** Reads the sources at a path, and prints what they are and by how many bytes this process has grown. */
const READ_IN_CHILD = `
const { openSources } = await import(${JSON.stringify(join(import.meta.dir, "../../src/analysis/sources/open.ts"))});
const [path, temporary] = process.argv.slice(-2);
const before = process.memoryUsage.rss();
const { reports, close } = await openSources({ words: [path], own: () => path, downloads: path, temporary });
process.stdout.write(JSON.stringify({ reports, grownBytes: process.memoryUsage.rss() - before }));
close();
`;

const LAYOUTS = [
  { file: "version-1.jsonl", kind: "journal of version 1", events: 4, unreadable: 1 },
  { file: "per-step.csv", kind: "CSV", events: 5, unreadable: 2 },
  { file: "events-1.1.csv", kind: "CSV", events: 2, unreadable: 1 },
  { file: "wandb-1.2/k3v8m2qa/history.jsonl", kind: "W&B rows", events: 5, unreadable: 1 },
] as const;

describe("old layouts", () => {
  test.each(LAYOUTS)("$file gives the events that are beside it", async ({ file, ...wanted }) => {
    const { events, reports } = await read(join(GOLDEN, file));
    expect(reports).toMatchObject([wanted]);
    const name = file.replace(/\/.*\//, "-");
    const expected = readFileSync(join(`${GOLDEN}-expected`, `${name}.events`), "utf8");
    expect(events.map((event) => JSON.stringify(event))).toEqual(expected.trimEnd().split("\n"));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("the name of a file says nothing, its compression neither", async () => {
    const to = folder();
    const csv = readFileSync(join(GOLDEN, "events-1.1.csv"));
    writeFileSync(join(to, "a.parquet"), Bun.zstdCompressSync(csv));
    writeFileSync(join(to, "b.wandb"), Bun.gzipSync(csv));
    const { reports, events } = await read(to);
    expect(reports.map(({ kind }) => kind)).toEqual(["CSV", "CSV"]);
    expect(events).toHaveLength(4);
  });

  test("a copy of a line of version 1 is the same event, and another line another one", async () => {
    const to = folder();
    const line = (block: number): string => JSON.stringify({ ...stepEventOf("answer", [1]), block });
    writeFileSync(join(to, "a.jsonl"), `${line(1)}\n${line(2)}\n${line(1)}\n`);
    const { events } = await read(to);
    const numbers = events.map(({ run, sequence }) => `${run} ${sequence}`);
    expect(numbers[0]).toBe(numbers[2]!);
    expect(numbers[0]).not.toBe(numbers[1]!);
  });
});

test("a spool, a .wandb file and W&B's history give the events of the journal back, one for one", async () => {
  const state = folder();
  const validator = new ReportedFeed(state, { offline: true });
  validator.start();
  validator.emit(40);
  await validator.stop();
  const journal = await Array.fromAsync(readEvents(join(state, "events")));
  const spool = await read(join(state, "wandb"));
  expect(spool.reports).toMatchObject([{ kind: "W&B rows", events: journal.length, unreadable: 0 }]);
  // Settings stand in the run's config, with those sections alone that W&B is told.
  const bare = (events: readonly EventLine[]): EventLine[] =>
    events.map((event) => (event.kind === "run" ? { ...event, settings: null } : event));
  expect(bare(spool.events)).toEqual(bare(journal as unknown as EventLine[]));

  const [name] = readdirSync(join(state, "wandb"), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  const meta = JSON.parse(readFileSync(join(state, "wandb", name!, "meta.json"), "utf8"));
  const file = join(folder(), "run-x.wandb");
  const writer = await WandbFileWriter.create(file);
  const { config, tags } = meta.description;
  const texts = { entity: "e", project: "p", displayName: "", notes: "", group: "", jobType: "", host: "" };
  await writer.write({ kind: "run", id: meta.id, ...texts, tags, startedAtMs: 0, config });
  const history = readFileSync(join(state, "wandb", name!, "history.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  for (const [step, text] of history.entries())
    await writer.write({ kind: "history", step, row: parseRow(text) as Record<string, unknown> });
  await writer.close();
  const records = await read(file);
  expect(records.reports).toMatchObject([{ kind: "W&B record file", unreadable: 0 }]);
  expect(records.events).toEqual(spool.events);

  // As pandas writes what the official client gives: a cell for each column of any row, and no word of the run.
  const rows = history.map((text) => parseRow(text) as Record<string, unknown>);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown): string => {
    const text = typeof value === "object" && value !== null ? textOfPlain(toPlain(value)) : `${value ?? ""}`;
    return `"${text.replaceAll('"', '""')}"`;
  };
  const table = rows.map((row) => names.map((name) => cell(row[name])).join(","));
  const csv = join(folder(), "table.csv");
  writeFileSync(csv, `${names.join(",")}\n${table.join("\n")}\n`);
  const ofTable = await read(csv);
  expect(ofTable.reports).toMatchObject([{ kind: "CSV", events: journal.length, unreadable: 0 }]);
  const steps = (events: EventLine[]): EventLine[] =>
    events.flatMap(({ genesis, netuid, hotkey, ...event }) => (event.kind === "step" ? [event] : []));
  expect(steps(ofTable.events)).toEqual(steps(spool.events));
});

test("every layout answers the same questions, and a copy counts once", async () => {
  const { warehouse, close, reports } = await openWarehouse({
    words: [GOLDEN, join(GOLDEN, "wandb-1.2/k3v8m2qa")],
    own: () => "",
    downloads: "",
    temporary: folder(),
  });
  try {
    expect(reports.map(({ kind }) => kind).sort()).toEqual([
      "CSV",
      "CSV",
      "W&B rows",
      "journal of version 1",
    ]);
    const of = (sql: string) => warehouse.rows(sql);
    expect(
      await of("SELECT uid, round(weight, 4) AS weight FROM weights WHERE run LIKE 'file-%' ORDER BY uid"),
    ).toEqual([
      { uid: 4, weight: 0.75 },
      { uid: 17, weight: 0.25 },
    ]);
    expect(await of("SELECT program, netuid, steps FROM runs WHERE run = 'k3v8m2qa'")).toEqual([
      { program: "1.2.0", netuid: 11, steps: 4 },
    ]);
    const answers = await of(
      "SELECT task, count(*) AS n, sum(reward) AS reward FROM answers GROUP BY task ORDER BY task",
    );
    expect(answers).toEqual([
      { task: "answer", n: 4, reward: 1.375 },
      { task: "augment", n: 2, reward: 0.75 },
      { task: "followup", n: 8, reward: 2 },
    ]);
  } finally {
    close();
  }
});

describe("words", () => {
  test("a state folder gives journal and spool, a glob and the path of a run what they match", async () => {
    const state = folder();
    const validator = new ReportedFeed(state, { offline: true });
    validator.start();
    await validator.stop();
    writeFileSync(join(state, "notes.txt"), "nothing of ours");
    symlinkSync(state, join(state, "round"));
    const { reports, files } = await read(state);
    expect(reports.map(({ kind }) => kind)).toEqual(["journal", "W&B rows"]);
    // Under a name of its own: a validator that rotates meanwhile takes nothing away.
    expect(files[0]!.path).not.toBe(files[0]!.source);
    expect(files[0]!.source).toBe(join(state, "events/events.jsonl"));
    expect((await read(join(GOLDEN, "*.csv"))).reports).toHaveLength(2);
    cpSync(join(GOLDEN, "wandb-1.2"), join(state, "runs/e/p"), { recursive: true });
    const opened = await openSources({
      words: ["e/p/k3v8m2qa"],
      own: () => "",
      downloads: join(state, "runs"),
      temporary: folder(),
    });
    expect(opened.reports).toMatchObject([{ kind: "W&B rows", events: 5 }]);
    opened.close();
  });

  test("what is not there, or holds no events, is told in a sentence", async () => {
    await expect(read("e/p/x")).rejects.toMatchObject({
      code: "sources.missing",
      hint: expect.stringContaining("wandb download"),
    });
    await expect(read("../e/../p")).rejects.toMatchObject({ code: "sources.missing" });
    await expect(read("/dev/zero")).rejects.toMatchObject({ code: "sources.empty" });
    const to = folder();
    writeFileSync(join(to, "a"), Buffer.alloc(4096));
    await expect(read(to)).rejects.toMatchObject({ code: "sources.empty" });
    await expect(read(join(to, "a"))).rejects.toMatchObject({ code: "sources.empty" });
  });
});

describe("hostile content", () => {
  const good = '{"_step":1,"name":"answer","uids":[1],"completions":["x"],"rewards":[1]}';

  test("is counted, and costs no other line", async () => {
    const path = join(folder(), "h.jsonl");
    const bad = [
      "\0\0\0",
      `{"a":${"[".repeat(1e6)}`,
      `{"_step":2,"name":"answer","uids":[1],"completions":["x"],"rewards":[1],"x":${"[".repeat(1e5)}${"]".repeat(1e5)}}`,
      '{"_step":3,"name":{"a":1},"uids":[1],"completions":["x"]}',
      '{"_step":4,"name":"answer","uids":[-1],"completions":["x"]}',
      '{"_step":5,"name":"answer","uids":[1,2],"completions":["x"]}',
      '{"__proto__":{"polluted":1},"constructor":1,"completions":7}',
      '{"kind":"step","run":"r","sequence":"x"}',
      "[1,2]",
      "null",
    ];
    writeFileSync(path, `${good}\n${bad.join("\n")}\n${good}\n`);
    const { reports, events } = await read(path);
    // Values that nobody asks for do no harm, however deep.
    expect(reports).toMatchObject([{ events: 3, unreadable: bad.length - 1 }]);
    expect(events.at(-1)).toMatchObject({ completions: ["x"] });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("a line of a gigabyte is passed over without being held", async () => {
    const path = join(folder(), "long.jsonl");
    writeFileSync(path, `${good}\n`);
    truncateSync(path, 1 << 30); // a hole reads as NUL bytes
    appendFileSync(path, `\n${good}\n`);
    // In a process of its own: what else this one has done decides when it gives memory back.
    const child = Bun.spawn([process.execPath, "-e", READ_IN_CHILD, path, folder()], { stdout: "pipe" });
    const { reports, grownBytes } = JSON.parse(await new Response(child.stdout).text());
    expect(reports).toMatchObject([{ events: 2, unreadable: 1 }]);
    expect(grownBytes).toBeLessThan(400e6);
  }, 30_000);

  test("a compressed file that is cut gives what lies before", async () => {
    const path = join(folder(), "cut.gz");
    const lines = Array.from({ length: 20_000 }, (_, at) => good.replace("1", `${at}${Math.random()}`));
    const bytes = Bun.gzipSync(Buffer.from(`${good}\n${lines.join("\n")}\n`));
    writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
    const { reports } = await read(path);
    expect(reports[0]!.events).toBeGreaterThan(1000);
    expect(reports[0]!.note).toContain("damaged");
  });

  test("a quote that never ends costs the rest of a table, and no more", async () => {
    const path = join(folder(), "q.csv");
    writeFileSync(path, 'name,uids,completions,rewards\nanswer,[1],"[""x""]",[1]\nanswer,[1],"[""x"",[1]\n');
    expect((await read(path)).reports).toMatchObject([{ events: 1, unreadable: 1 }]);
  });
});

test("who is asked to stop while files are read is told that, and no file stays", async () => {
  const lines = readFileSync(join(GOLDEN, "version-1.jsonl"), "utf8");
  const path = join(folder(), "old.jsonl");
  writeFileSync(path, lines);
  const temporary = folder();
  // Once at the first file, once within it.
  for (const looks of [1, 2]) {
    const control = new AbortController();
    let left = looks;
    const signal = new Proxy(control.signal, {
      get(target, name) {
        if (name === "aborted" && --left === 0) control.abort();
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const options = { words: [path], own: () => path, downloads: path, temporary, signal };
    await expect(openSources(options)).rejects.toMatchObject({ code: "query.stopped" });
    expect(readdirSync(temporary)).toEqual([]);
  }
});
