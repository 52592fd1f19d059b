import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configureLog } from "../../src/base/log.ts";
import { openTextSource, type TextSource } from "../../src/prompts/source.ts";
import { nameOf, prose, seeded } from "./prose.ts";

const FIXTURES = join(import.meta.dir, "fixtures");
let folder = "";
let lines: string[] = [];
const opened: TextSource[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "texts-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => lines.push(line) });
});
afterEach(() => {
  configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) });
  for (const source of opened.splice(0)) source.close();
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function open(names: string | undefined, random = seeded(1)): Promise<TextSource> {
  const source = await openTextSource(names, { random });
  opened.push(source);
  return source;
}

async function take(source: TextSource, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let index = 0; index < count; index++) texts.push(await source.next());
  return texts;
}

describe("the packaged sample", () => {
  test("has at least 200 passages, all usable and each long enough for a base text", async () => {
    const source = await open(undefined);
    const texts = await take(source, 260);
    expect(new Set(texts).size).toBe(260);
    for (const text of texts) expect(text.split(".").length - 1).toBeGreaterThanOrEqual(20);
  });

  test("starts again after its last passage", async () => {
    const source = await open(undefined);
    expect(new Set(await take(source, 521)).size).toBe(260);
  });
});

describe("a local file", () => {
  test("of JSON lines gives its column, and passes over lines that are none", async () => {
    const rows = [
      JSON.stringify({ text: prose(1), other: prose("no") }),
      "not json",
      "",
      "[1, 2]",
      "null",
      JSON.stringify({ text: 7 }),
      JSON.stringify({ title: "t", body: prose(2) }),
      JSON.stringify({ text: prose(3) }).slice(0, 90),
    ];
    const source = await open(file("mixed.jsonl", rows.join("\n")));
    expect(new Set((await take(source, 6)).map(nameOf))).toEqual(new Set(["1", "2"]));
    const named = await open(`${file("named.jsonl", rows.join("\n"))}#other`);
    expect(new Set((await take(named, 3)).map(nameOf))).toEqual(new Set(["no"]));
  });

  test("of running prose is cut into passages of thirty full stops", async () => {
    const source = await open(file("book.txt", [1, 2, 3].map((n) => prose(n, 30)).join("\n")));
    expect((await take(source, 3)).sort()).toEqual([1, 2, 3].map((n) => prose(n, 30)));
  });

  test("larger than a window gives texts from all over, in bounded memory", async () => {
    const path = file(
      "large.jsonl",
      Array.from({ length: 30_000 }, (_, row) => JSON.stringify({ text: prose(row, 12) })).join("\n"),
    );
    const source = await open(path);
    const rows: number[] = [];
    for (let draw = 0; draw < 100; draw++) {
      rows.push(Number(nameOf(await source.next())));
      // Draws are far apart in use; here each lets the read behind it go on.
      await Bun.sleep(1);
    }
    expect(new Set(rows).size).toBeGreaterThan(90);
    expect(new Set(rows.map((row) => Math.floor(row / 3000))).size).toBeGreaterThan(4);
  });

  test("with a line of 50 MB still gives its other lines", async () => {
    const path = file(
      "line.jsonl",
      [
        ...[1, 2, 3].map((n) => JSON.stringify({ text: prose(n) })),
        JSON.stringify({ text: "x".repeat(50e6) }),
        ...[4, 5, 6].map((n) => JSON.stringify({ text: prose(n) })),
      ].join("\n"),
    );
    // Reads that meet nothing but the long line are repeated elsewhere; the ends of the file are met soon enough.
    const source = await open(path, seeded(3));
    const names = new Set<string>();
    for (let draw = 0; draw < 60; draw++)
      try {
        names.add(nameOf(await source.next()));
      } catch (error) {
        expect(error).toMatchObject({ code: "prompts.no-text", retry: "soon" });
      }
    expect(names.size).toBe(6);
  });

  test("of Parquet is read with any codec and column, nulls left out", async () => {
    const rowsOf = async (name: string, count: number): Promise<Set<string>> => {
      const texts = await take(await open(join(FIXTURES, name)), count);
      return new Set(texts.map((text) => /row (\d+) in the file (\w+)/.exec(text)!.slice(1).join(" ")));
    };
    const snappy = await rowsOf("snappy.parquet", 300);
    expect(snappy.size).toBe(54);
    expect([...snappy].every((name) => name.endsWith("snappy") && !/9 /.test(name))).toBe(true);
    expect((await rowsOf("zstd.parquet", 300)).size).toBe(54);
    expect((await rowsOf("gzip.parquet", 60)).size).toBe(18);
    expect((await rowsOf("gzip.parquet#content", 60)).size).toBe(18);
  });

  test("of a kind in a folder is found among others, each as often as its size says", async () => {
    const mix = join(folder, "mix");
    mkdirSync(join(mix, "deep"), { recursive: true });
    file("mix/a.jsonl", JSON.stringify({ text: prose("a") }));
    file("mix/deep/b.txt", prose("b", 30));
    file("mix/readme.md", prose("c"));
    file("mix/empty.txt", "");
    const names = (await take(await open(mix), 200)).map(nameOf);
    expect(new Set(names)).toEqual(new Set(["a", "b"]));
    expect(names.filter((name) => name === "b").length).toBeGreaterThan(120);
  });

  test("that cannot serve is refused with a sentence", async () => {
    for (const name of [
      join(folder, "missing.txt"),
      file("page.html", prose(1)),
      file("nothing.txt", ""),
      "hf:nobody",
      "hf:../../etc/passwd",
    ])
      await expect(openTextSource(name)).rejects.toMatchObject({ code: "prompts.bad-source", retry: "no" });
    const poor = await open(file("poor.txt", "no prose here\n".repeat(50)));
    await expect(poor.next()).rejects.toMatchObject({ code: "prompts.no-text" });
    const wrong = await open(`${join(FIXTURES, "snappy.parquet")}#body`);
    await expect(wrong.next()).rejects.toMatchObject({
      code: "prompts.bad-source",
      hint: expect.stringContaining("title, text"),
    });
  });
});

describe("several sources", () => {
  test("are drawn from with equal chances whatever their sizes", async () => {
    const large = file(
      "many.jsonl",
      Array.from({ length: 200 }, () => JSON.stringify({ text: prose("large") })).join("\n"),
    );
    const small = file("one.jsonl", JSON.stringify({ text: prose("small") }));
    const names = (await take(await open(`${large}, ${small}`), 400)).map(nameOf);
    expect(names.filter((name) => name === "small").length).toBeWithin(160, 241);
  });

  test("go on with the others while one has nothing", async () => {
    const poor = file("bad.txt", "no prose here\n".repeat(50));
    const good = file("good.jsonl", JSON.stringify({ text: prose("good") }));
    const source = await open(`${poor},${good}`);
    expect(new Set((await take(source, 20)).map(nameOf))).toEqual(new Set(["good"]));
    const none = await open(`${poor},${poor}`);
    await expect(none.next()).rejects.toMatchObject({ code: "prompts.no-text" });
  });
});

describe("a source that is closed", () => {
  test("gives nothing more", async () => {
    const source = await open(undefined);
    await source.next();
    source.close();
    await expect(source.next()).rejects.toMatchObject({ name: "AbortError" });
  });

  test("or a draw that is given up ends at once", async () => {
    const source = await open(undefined);
    await expect(source.next(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    expect((await source.next()).length).toBeGreaterThan(200);
  });
});
