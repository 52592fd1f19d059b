import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configureLog } from "../../src/base/log.ts";
import { HubFeed } from "../../src/prompts/hub-feeds.ts";
import { HubRequests } from "../../src/prompts/hub-requests.ts";
import { openTextSource, type TextSource, type TextSourceOptions } from "../../src/prompts/source.ts";
import { CANARY } from "../canaries.ts";
import { type Fault, type HubDouble, startHub } from "./dataset-hub-double.ts";
import { nameOf, seeded } from "./prose.ts";

const BACK_OFF = { firstMs: 1, maxMs: 2, attempts: 3 };

let hub: HubDouble;
let lines: string[] = [];
const opened: TextSource[] = [];
beforeEach(() => {
  hub = startHub();
  lines = [];
  configureLog({ level: "info", format: "plain", write: (line) => lines.push(line) });
});
afterEach(() => {
  configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) });
  for (const source of opened.splice(0)) source.close();
  hub.stop();
});

async function open(names: string, more: TextSourceOptions = {}, signal?: AbortSignal): Promise<TextSource> {
  const options = {
    endpoint: hub.endpoint,
    rowsEndpoint: hub.endpoint,
    random: seeded(7),
    backOff: BACK_OFF,
    ...more,
  };
  const source = await openTextSource(names, options, signal);
  opened.push(source);
  return source;
}

async function take(source: TextSource, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let index = 0; index < count; index++) texts.push(await source.next());
  return texts;
}

/** A fault for the first `times` requests that match. */
function first(
  times: number,
  matches: (request: Request) => boolean,
  answer: (request: Request) => Response,
): Fault {
  let left = times;
  return (request) => (matches(request) && left-- > 0 ? answer(request) : undefined);
}
const ofFiles = (request: Request): boolean => request.url.startsWith(hub.cdn);
/** Requests for parts of files, after the one that asks for the size. */
const ofParts = (request: Request): boolean =>
  ofFiles(request) && request.headers.get("range") !== "bytes=0-0";
const always = (): boolean => true;

describe("Parquet files on the hub", () => {
  test("of the default config's train split give texts from all files", async () => {
    const texts = await take(await open("hf:rivers/all"), 120);
    const files = new Set(texts.map((text) => /in the file (\w+)/.exec(text)![1]));
    expect(files).toEqual(new Set(["snappy", "zstd"]));
  });

  test("are chosen by config, split and column", async () => {
    for (const name of ["hf:rivers/all:other", "hf:rivers/all::test", "hf:rivers/all:other:train:content"])
      expect(await (await open(name)).next()).toContain("in the file gzip");
    await expect(open("hf:rivers/all:third")).rejects.toMatchObject({
      code: "prompts.bad-source",
    });
  });

  test("are read by ranges: the footer and the text column's chunk, not the whole file", async () => {
    await (await open("hf:rivers/all")).next();
    const ofData = hub.seen.filter(({ origin }) => origin === "cdn");
    expect(ofData.length).toBeGreaterThan(1);
    expect(ofData.every(({ range }) => /^bytes=\d+-\d+$/.test(range ?? ""))).toBe(true);
  });

  test("get the token from the hub's origin only, never where it redirects", async () => {
    await (await open("hf:rivers/all", { token: CANARY.hubToken })).next();
    for (const { origin, authorization } of hub.seen)
      expect(authorization).toBe(origin === "hub" ? `Bearer ${CANARY.hubToken}` : null);
    expect(lines.join("")).not.toContain(CANARY.hubToken);
  });

  test("come through rate limits, errors and cut bodies", async () => {
    /** The head of a right answer, with another body. */
    const partOf = (request: Request, body: BodyInit): Response => {
      const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range")!)!;
      const headers = { "content-range": `bytes ${start}-${end}/${Number(end) + 1}` };
      return new Response(body, { status: 206, headers });
    };
    const faults: [string, (request: Request) => Response][] = [
      ["429", () => new Response("slow down", { status: 429, headers: { "retry-after": "0" } })],
      ["500", () => new Response("oops", { status: 500 })],
      ["cut", (request) => partOf(request, "PAR1")],
    ];
    for (const [name, answer] of faults) {
      hub.faults = [first(2, ofParts, answer)];
      const source = await open("hf:rivers/all", { rowsEndpoint: undefined });
      expect([name, await source.next()]).toEqual([name, expect.stringContaining("about rivers")]);
    }
  });

  test("that stay out of reach are named as unreachable, a missing dataset as a bad source", async () => {
    hub.faults = [() => new Response("", { status: 503 })];
    const before = hub.seen.length;
    await expect(open("hf:rivers/all")).rejects.toMatchObject({
      code: "prompts.unreachable",
      retry: "soon",
      message: expect.stringContaining("503"),
    });
    expect(hub.seen.length - before).toBe(BACK_OFF.attempts);
    hub.faults = [];
    await expect(open("hf:rivers/none")).rejects.toMatchObject({ code: "prompts.bad-source" });
    hub.stop();
    await expect(open("hf:rivers/all")).rejects.toMatchObject({ code: "prompts.unreachable" });
  });

  test("are refused when the server ignores ranges or redirects in a circle", async () => {
    hub.faults = [first(1, ofFiles, () => new Response("whole file"))];
    await expect(open("hf:rivers/all", { rowsEndpoint: undefined })).rejects.toMatchObject({
      code: "prompts.bad-source",
      message: expect.stringContaining("parts of a file"),
    });
    hub.faults = [(request) => (ofFiles(request) ? Response.redirect(request.url, 302) : undefined)];
    await expect(open("hf:rivers/all", { rowsEndpoint: undefined })).rejects.toMatchObject({
      code: "prompts.bad-source",
      message: expect.stringContaining("more than 5 times"),
    });
    hub.faults = [() => Response.redirect("http://169.254.169.254/latest/meta-data", 302)];
    await expect(open("hf:rivers/all", { rowsEndpoint: undefined })).rejects.toMatchObject({
      code: "prompts.bad-source",
      message: expect.stringContaining("link-local"),
    });
  });

  test("that are no Parquet make an error, not a crash", async () => {
    const noise = new Uint8Array(5000).fill(0x41);
    hub.faults = [
      (request) => {
        const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
        if (!range || !ofFiles(request)) return undefined;
        const headers = { "content-range": `bytes ${range[1]}-${range[2]}/5000` };
        return new Response(noise.slice(Number(range[1]), Number(range[2]) + 1), { status: 206, headers });
      },
    ];
    await expect(open("hf:rivers/all", { rowsEndpoint: undefined })).rejects.toMatchObject({
      code: "prompts.bad-source",
      message: expect.stringContaining("cannot be read as Parquet"),
    });
  });
});

describe("rows of the hub's service", () => {
  test("are used where there are no Parquet files, from random offsets, truncated ones left out", async () => {
    const source = await open("hf:rivers/rows");
    const pages = (): number => hub.seen.filter(({ path }) => path.includes("length=100")).length;
    const rows: number[] = [];
    while (pages() < 20) rows.push(...(await take(source, 20)).map((text) => Number(nameOf(text))));
    expect(lines.join("")).toContain("using the rows service");
    expect(rows.every((row) => row % 4 !== 0)).toBe(true);
    expect(new Set(rows.map((row) => Math.floor(row / 200))).size).toBe(5);
  });

  test("come from the train split unless another is named", async () => {
    expect(await (await open("hf:rivers/rows")).next()).toContain("of the split train");
    expect(await (await open("hf:rivers/rows:en:test")).next()).toContain("of the split test");
    await expect(open("hf:rivers/rows:de")).rejects.toMatchObject({
      code: "prompts.bad-source",
      hint: "its configs are: en",
    });
  });

  test("of an unknown shape are refused", async () => {
    hub.faults = [
      (request) => (request.url.includes("/rows?") ? Response.json({ rows: "none" }) : undefined),
    ];
    await expect(open("hf:rivers/rows")).rejects.toMatchObject({ code: "prompts.bad-source" });
    hub.faults = [(request) => (request.url.includes("/splits") ? new Response("{") : undefined)];
    await expect(open("hf:rivers/rows")).rejects.toMatchObject({
      message: expect.stringContaining("not JSON"),
    });
  });

  test("without end are not read to the end", async () => {
    const endless = (): Response =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20).fill(0x20)),
        }),
      );
    hub.faults = [(request) => (request.url.includes("/rows?") ? endless() : undefined)];
    await expect(open("hf:rivers/rows")).rejects.toMatchObject({
      message: expect.stringContaining("longer than 33554432 bytes"),
    });
  });
});

describe("a hub that goes away", () => {
  test("is reported once while the texts at hand go on, and again when it is back", async () => {
    const source = await open("hf:rivers/rows");
    await take(source, 3);
    hub.faults = [() => new Response("", { status: 502 })];
    const texts = [];
    while (!lines.some((line) => line.includes("going on with the texts at hand"))) {
      texts.push(await source.next());
      await Bun.sleep(1);
    }
    expect((await take(source, 300)).length).toBe(300);
    hub.faults = [];
    while (!lines.some((line) => line.includes("can be read again"))) {
      await source.next();
      await Bun.sleep(1);
    }
    expect(lines.filter((line) => line.includes("going on with"))).toHaveLength(1);
  });

  test("does not hold up a draw that is given up, nor a source that is closed", async () => {
    const source = await open("hf:rivers/rows");
    hub.faults = [() => new Response(new ReadableStream({ start: () => undefined }))];
    const stop = new AbortController();
    const draw = source.next(stop.signal);
    stop.abort();
    await expect(draw).rejects.toMatchObject({ name: "AbortError" });
    const other = source.next();
    source.close();
    await expect(other).rejects.toMatchObject({ name: "AbortError" });
  });

  test("while it is being opened can be left at once, in a request and in the pause before the next", async () => {
    hub.faults = [first(1, always, () => new Response(new ReadableStream({ start: () => undefined })))];
    const stop = new AbortController();
    const opening = open("hf:rivers/all", {}, stop.signal);
    stop.abort();
    await expect(opening).rejects.toMatchObject({ name: "AbortError" });
    const other = new AbortController();
    const slow = { firstMs: 60_000, maxMs: 60_000, attempts: 6 };
    hub.faults = [
      () => {
        // The answer comes first, and the pause begins.
        setTimeout(() => other.abort(), 20);
        return new Response("", { status: 503 });
      },
    ];
    await expect(open("hf:rivers/all", { backOff: slow }, other.signal)).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  test("with a dataset that needs a token says so, and asks once", async () => {
    hub.faults = [() => new Response("", { status: 401 })];
    await expect(open("hf:rivers/all", { rowsEndpoint: undefined })).rejects.toMatchObject({
      code: "prompts.bad-source",
      message: expect.stringContaining("401"),
      hint: expect.stringContaining("HF_TOKEN"),
    });
    expect(hub.seen.length).toBe(1);
  });
});

describe("a dataset that changes while it is read", () => {
  const isList = (request: Request): boolean => request.url.endsWith("/api/datasets/rivers/all/parquet");
  /** The list of files with these alone. */
  const listing =
    (...names: string[]): Fault =>
    (request) =>
      isList(request)
        ? Response.json({
            default: {
              train: names.map(
                (name) =>
                  `https://huggingface.co/api/datasets/rivers/all/parquet/default/train/${name}.parquet`,
              ),
            },
          })
        : undefined;
  const fileOf = (text: string): string => /in the file (\w+)/.exec(text)![1]!;

  test("is listed anew when a file is gone: its texts come from the new ones", async () => {
    hub.faults = [listing("snappy")];
    const source = await open("hf:rivers/all", { rowsEndpoint: undefined });
    expect(fileOf(await source.next())).toBe("snappy");
    hub.faults = [
      (request) => (request.url.includes("snappy") ? new Response("", { status: 404 }) : undefined),
      listing("zstd"),
    ];
    const files = new Set<string>();
    for (let draw = 0; draw < 500 && files.size < 2; draw++) {
      files.add(fileOf(await source.next()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...files].sort()).toEqual(["snappy", "zstd"]);
    expect(lines.join("")).toContain("its files are listed anew");
  });

  test("is noticed by a file's ETag, before its bytes are read by the footer of another", async () => {
    let version = 1;
    const bytes = await Bun.file(new URL("fixtures/snappy.parquet", import.meta.url)).bytes();
    const versioned: Fault = (request) => {
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
      if (!range || !ofFiles(request)) return undefined;
      const [start, end] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)];
      const headers = { etag: `"${version}"`, "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
      return new Response(bytes.slice(start, end), { status: 206, headers });
    };
    hub.faults = [versioned, listing("snappy")];
    const feed = await HubFeed.open(
      { repository: "rivers/all" },
      {
        endpoint: hub.endpoint,
        rowsEndpoint: undefined,
        requests: new HubRequests({ endpoints: [], backOff: BACK_OFF }),
        random: seeded(1),
      },
      new AbortController().signal,
    );
    const signal = new AbortController().signal;
    const lists = (): number => hub.seen.filter(({ path }) => path.endsWith("/parquet")).length;
    await feed.read(signal);
    expect(lists()).toBe(1);
    version = 2;
    expect((await feed.read(signal)).length).toBeGreaterThan(10);
    expect(lists()).toBe(2);
    expect(lines.join("")).toContain("was replaced meanwhile");
  });

  test("is listed anew every ten minutes in any case", async () => {
    let nowMs = 0;
    const signal = new AbortController().signal;
    const requests = new HubRequests({ endpoints: [], backOff: BACK_OFF });
    const places = { endpoint: hub.endpoint, rowsEndpoint: undefined, requests, random: seeded(1) };
    const feed = await HubFeed.open({ repository: "rivers/all" }, places, signal, () => nowMs);
    const lists = (): number =>
      hub.seen.filter(({ path }) => path.endsWith("/api/datasets/rivers/all/parquet")).length;
    await feed.read(signal);
    nowMs = 9 * 60_000;
    await feed.read(signal);
    expect(lists()).toBe(1);
    nowMs = 10 * 60_000;
    await feed.read(signal);
    expect(lists()).toBe(2);
  });
});
