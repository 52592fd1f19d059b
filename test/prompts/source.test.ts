import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { configureLog } from "../../src/base/log.ts";
import { LocalFeed } from "../../src/prompts/local.ts";
import { WINDOW_DRAWS } from "../../src/prompts/shuffle.ts";
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
    for (let draw = 0; draw < 5000 && names.size < 6; draw++) {
      try {
        names.add(nameOf(await source.next()));
      } catch (error) {
        expect(error).toMatchObject({ code: "prompts.no-text", retry: "soon" });
      }
      // Draws are far apart in use; here each lets the read behind it go on.
      await Bun.sleep(1);
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
    const texts = (of: string, count: number): string[] =>
      Array.from({ length: count }, (_, row) => `${prose(of, 30)} ${row}.`);
    file(
      "mix/a.jsonl",
      texts("a", 20)
        .map((text) => JSON.stringify({ text }))
        .join("\n"),
    );
    file("mix/deep/b.txt", texts("b", 80).join("\n"));
    file("mix/readme.md", prose("c"));
    file("mix/empty.txt", "");
    const feed = LocalFeed.open(mix, undefined, seeded(1));
    const reads: string[] = [];
    for (let read = 0; read < 100; read++) reads.push(nameOf(String((await feed.read())[0])));
    expect(new Set(reads)).toEqual(new Set(["a", "b"]));
    expect(reads.filter((name) => name === "b").length).toBeWithin(65, 95);
  });

  test("of Parquet with lists, structs and conversations gives their text", async () => {
    const path = join(FIXTURES, "nested.parquet");
    const texts = async (column?: string): Promise<string[]> =>
      await take(await open(column === undefined ? path : `${path}#${column}`), 20);
    // Without a name: the column with most text, which is the conversation.
    for (const text of await texts()) expect(text).toMatch(/^Why\?\nThis is .* in the file messages/);
    for (const text of await texts("messages")) expect(text).toContain("in the file messages");
    for (const text of await texts("translation.en")) expect(text).toMatch(/^This is .* in the file struct/);
    for (const text of await texts("translation")) expect(text).toContain("in the file struct");
    for (const text of await texts("paragraphs")) expect(text.split("\n").length).toBe(2);
    await expect((await open(`${path}#body`)).next()).rejects.toMatchObject({
      hint: "its columns with text are: id, paragraphs, translation, messages",
    });
  });

  test("of JSON lines gives the text of conversations, and names the columns where there is none", async () => {
    const messages = [
      { from: "human", value: "Why?" },
      { from: "gpt", value: prose(1) },
    ];
    const talk = await open(file("talk.jsonl", JSON.stringify({ id: "x", messages })));
    expect(await talk.next()).toStartWith("Why?\n");
    const none = await open(`${file("none.jsonl", JSON.stringify({ id: "x", body: "short" }))}#text`);
    await expect(none.next()).rejects.toMatchObject({
      code: "prompts.no-text",
      hint: expect.stringContaining("name its column if it is another: id, body"),
    });
  });

  test("below the home folder is found by its tilde", async () => {
    const path = join(homedir(), "texts-of-this-test.jsonl");
    writeFileSync(path, JSON.stringify({ text: prose("home") }));
    expect(nameOf(await (await open("~/texts-of-this-test.jsonl")).next())).toBe("home");
    rmSync(path);
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
      hint: "its columns with text are: title, text",
    });
  });
});

describe("a local file that changes while it is read", () => {
  const rowsOf = (name: string, count: number, sentences = 12): string =>
    Array.from({ length: count }, (_, row) =>
      JSON.stringify({ text: `${prose(name, sentences)} ${row}.` }),
    ).join("\n");

  test("is read anew when it is replaced, whole or by windows", async () => {
    for (const count of [20, 8000]) {
      const path = file(`changing-${count}.jsonl`, rowsOf("old", count));
      const source = await open(path);
      expect(nameOf(await source.next())).toBe("old");
      const next = `${path}.next`;
      writeFileSync(next, rowsOf("new", count + 1));
      renameSync(next, path);
      const after = new Set((await take(source, 30)).map(nameOf));
      expect([...after]).toEqual(["new"]);
      expect(lines.join("")).toContain("A file of the dataset has changed");
    }
  });

  test("goes on with the texts at hand while it is away", async () => {
    const path = file("away.jsonl", rowsOf("here", 20));
    const source = await open(path);
    await source.next();
    rmSync(path);
    expect(new Set(await take(source, 60)).size).toBe(20);
    expect(lines.join("")).toContain("going on with the texts at hand");
    writeFileSync(path, rowsOf("back", 20));
    const names = new Set<string>();
    for (let draw = 0; draw < 200 && !names.has("back"); draw++) {
      names.add(nameOf(await source.next()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(names.has("back")).toBe(true);
  });
});

describe("a draw", () => {
  /** Fewest other draws between two of the same text. */
  function leastGap(texts: readonly string[]): number {
    const last = new Map<string, number>();
    let least = Number.POSITIVE_INFINITY;
    for (const [at, text] of texts.entries()) {
      least = Math.min(least, at - (last.get(text) ?? Number.NEGATIVE_INFINITY) - 1);
      last.set(text, at);
    }
    return least;
  }

  test("repeats no text within half as many draws as there are texts, and comes to all", async () => {
    const rows = Array.from({ length: 50 }, (_, row) => JSON.stringify({ text: `${prose("x")} ${row}.` }));
    const texts = await take(await open(file("fifty.jsonl", rows.join("\n"))), 1000);
    expect(new Set(texts).size).toBe(50);
    expect(leastGap(texts)).toBeGreaterThanOrEqual(24);
  });

  test("repeats nothing within the window while the source has others", async () => {
    const count = WINDOW_DRAWS + 500;
    const rows = Array.from({ length: count }, (_, row) => JSON.stringify({ text: `${prose("x")} ${row}.` }));
    const texts = await take(await open(file("many-more.jsonl", rows.join("\n"))), 3 * count);
    expect(new Set(texts).size).toBe(count);
    expect(leastGap(texts)).toBeGreaterThanOrEqual(WINDOW_DRAWS);
  });

  test("never ends where a file has one text", async () => {
    const texts = await take(await open(file("single.jsonl", JSON.stringify({ text: prose(1) }))), 5);
    expect(new Set(texts).size).toBe(1);
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
