import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CollectOptions, collectRuns } from "../../src/wandb/collect.ts";
import { RequestPace } from "../../src/wandb/request-pace.ts";
import { filterOf } from "../../src/wandb/run-filter.ts";
import { scratchFolders } from "../scratch.ts";
import { nothingYet, type WandbDouble } from "./double.ts";
import { until, wandbDoubles } from "./doubles.ts";
import { KEY } from "./validator.ts";

const makeDouble = wandbDoubles();

const folder = scratchFolders("download");
const MAIN = join(import.meta.dir, "../../src/main.ts");
const AT = { entity: "e", project: "p" };
const NO_WISHES = { runs: [], tags: [], states: [], since: undefined, filters: undefined };

interface RunOptions {
  rows?: number;
  /** Between the steps of rows. */
  gap?: number;
  tags?: string[];
  isDone?: boolean;
}

const rowOf = (step: number): string =>
  `{"_step":${step},"_timestamp":${1.7e9 + step},"name":"answer0","uids":[1,2],"completions":["a ${step}","NaN"],"rewards":[0.5,NaN],"loss":${step % 3 ? "NaN" : "-Infinity"}}`;

function addRun(
  server: WandbDouble,
  name: string,
  { rows = 3, gap = 1, tags = [], isDone = true }: RunOptions = {},
): void {
  server.runs.set(`${AT.entity}/${AT.project}/${name}`, {
    ...AT,
    id: `Run:${name}`,
    name,
    displayName: `brave-${name}`,
    createdAt: new Date(1.7e12 + server.runs.size * 60_000).toISOString(),
    ...nothingYet(),
    history: Array.from({ length: rows }, (_, at) => rowOf(at * gap)),
    config: '{"netuid":{"value":7},"_wandb":{"value":{}}}',
    tags,
    isDone,
  });
}

function collect(server: WandbDouble, directory: string, more: Partial<CollectOptions> = {}) {
  return collectRuns({
    url: server.url,
    key: KEY,
    ...AT,
    wishes: NO_WISHES,
    directory,
    signal: new AbortController().signal,
    retry: { firstMs: 5, maxMs: 20, attempts: 6 },
    timeoutsMs: { graphql: 1_000, stream: 1_000 },
    pace: new RequestPace(1e6),
    ...more,
  });
}

const linesOf = (directory: string, run: string): string[] =>
  readFileSync(join(directory, "e/p", run, "history.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
const requests = (server: WandbDouble, operation: string): number =>
  server.log.filter((seen) => seen.operation === operation).length;

describe("collectRuns", () => {
  test("gets 300 runs from a list that repeats runs and cursors and has empty pages, each row once", async () => {
    const server = makeDouble({ isListShaky: true });
    for (let at = 0; at < 300; at++) addRun(server, `run${at}`, { rows: at % 5 });
    const to = folder();
    const { runs, missing } = await collect(server, to);
    expect(missing).toBe(0);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(300);
    expect(runs).toHaveLength(300);
    for (const { name, history } of server.runs.values()) {
      if (history.length > 0) expect(linesOf(to, name)).toEqual(history);
    }
    // A finished run is never asked for again.
    const before = requests(server, "HistoryPage") + requests(server, "RunHistoryKeys");
    const again = await collect(server, to);
    expect(again.runs.every(({ outcome }) => outcome === "kept")).toBe(true);
    expect(again.runs.reduce((sum, { rows }) => sum + rows, 0)).toBe(600);
    expect(requests(server, "HistoryPage") + requests(server, "RunHistoryKeys")).toBe(before);
  }, 30_000);

  test("outlives 429, 500, timeouts, cut connections and answers without an end, and asks in halves", async () => {
    const server = makeDouble();
    addRun(server, "big", { rows: 450 });
    const page = /HistoryPage/;
    server.faults.push(
      { match: /Runs/, times: 1, status: 429, headers: { "retry-after": "0.05" } },
      { match: /RunHistoryKeys/, times: 1, kind: "cut" },
      { match: page, times: 1, kind: "hang" },
      { match: page, times: 1, status: 500 },
      { match: page, times: 1, kind: "cut" },
      { match: page, times: 1, status: 200, body: "no JSON" },
    );
    const to = folder();
    expect((await collect(server, to)).runs).toMatchObject([{ outcome: "fetched", rows: 450 }]);
    expect(linesOf(to, "big")).toEqual(server.run("big")!.history);
    const sizes = server.log
      .filter(({ operation }) => operation === "HistoryPage")
      .map(({ variables }) => variables!.pageSize);
    expect(sizes.slice(0, 6)).toEqual([200, 100, 50, 25, 12, 24]);
  }, 30_000);

  test("crosses gaps of empty pages in few requests", async () => {
    const server = makeDouble();
    addRun(server, "sparse", { rows: 3, gap: 1_000_000 });
    const to = folder();
    await collect(server, to);
    expect(linesOf(to, "sparse")).toHaveLength(3);
    expect(requests(server, "HistoryPage")).toBeLessThan(60);
  });

  test("goes on with a run that was running, and finds exact rows behind what a killed process left", async () => {
    const server = makeDouble();
    addRun(server, "live", { rows: 250, isDone: false });
    const to = folder();
    await collect(server, to);
    const path = join(to, "e/p/live/history.jsonl");
    writeFileSync(path, `${rowOf(250)}\n{"_step":2`, { flag: "a" });
    const run = server.run("live")!;
    for (let step = 250; step < 260; step++) run.history.push(rowOf(step));
    run.beatMs++;
    run.isDone = true;
    server.log.length = 0;
    expect((await collect(server, to)).runs).toMatchObject([{ outcome: "fetched", rows: 260, newRows: 10 }]);
    expect(linesOf(to, "live")).toEqual(run.history);
    expect(server.log.find(({ operation }) => operation === "HistoryPage")!.variables!.minStep).toBe(250);
  });

  test("a stop while the server gives no answer is told as a stop, and the trouble once", async () => {
    const stop = new AbortController();
    const told: string[] = [];
    const download = collectRuns({
      url: "http://127.0.0.1:9",
      key: KEY,
      ...AT,
      wishes: NO_WISHES,
      directory: folder(),
      signal: stop.signal,
      retry: { firstMs: 1, maxMs: 1, attempts: Number.POSITIVE_INFINITY },
      pace: new RequestPace(1e6, {
        nowMs: () => performance.now(),
        sleep: async () => {},
      }),
      onTrouble: (cause) => {
        told.push(cause);
        setTimeout(() => stop.abort(), 50);
      },
    });
    await expect(download).rejects.toMatchObject({
      code: "deadline.aborted",
      message: "the download was stopped",
    });
    expect(told).toHaveLength(1);
  });

  test("a run that the server cannot give costs no other", async () => {
    const server = makeDouble();
    addRun(server, "bad");
    addRun(server, "good");
    const gone = '{"data":{"project":{"run":null}}}';
    server.faults.push({ match: /RunHistoryKeys/, times: 1, status: 200, body: gone });
    const { runs } = await collect(server, folder());
    expect(runs.map(({ outcome }) => outcome).sort()).toEqual(["failed", "fetched"]);
  });

  test("names of a server do not leave the folder", async () => {
    const server = makeDouble();
    addRun(server, "../../out");
    addRun(server, "..");
    const to = folder();
    await collect(server, to);
    expect(readdirSync(to)).toEqual(["e"]);
    expect(readdirSync(join(to, "e/p")).sort()).toEqual(["%2E.", "%2E.%2F..%2Fout", ".lock"]);
  });

  test("a project that is not there is told in a sentence, a wrong key too", async () => {
    const server = makeDouble();
    server.faults.push({ match: /Runs/, times: 1, status: 200, body: '{"data":{"project":null}}' });
    await expect(collect(server, folder())).rejects.toMatchObject({ code: "wandb.no-project" });
    await expect(collect(server, folder(), { key: "wrong" })).rejects.toMatchObject({ code: "wandb.no-key" });
    const keyless = collect(server, folder(), { key: undefined });
    await expect(keyless).rejects.toMatchObject({ message: expect.stringContaining("without a key") });
  });
});

test("a filter never has a list of tags", () => {
  const and = { $and: [{ tags: { $in: ["a"] } }, { tags: { $in: ["b"] } }] };
  const of = (filters: string): unknown => filterOf({ ...NO_WISHES, filters });
  expect(of('{"tags": ["a", "b"]}')).toEqual(and);
  expect(of('{"tags": {"$all": ["a", "b"]}}')).toEqual(and);
  expect(filterOf({ ...NO_WISHES, tags: ["a", "b"] })).toEqual(and);
  expect(of('{"$or": [{"tags": ["a"]}, {"config.x": {"$gt": 1}}], "state": "finished"}')).toEqual({
    $and: [
      { $or: [{ $and: [{ tags: { $in: ["a"] } }] }, { "config.x": { $gt: 1 } }] },
      { state: "finished" },
    ],
  });
  for (const bad of [
    "{",
    "[]",
    '{"group": {"$all": ["a"]}}',
    '{"$and": {}}',
    `${'{"$and":['.repeat(30)}{}${"]}".repeat(30)}`,
  ])
    expect(() => of(bad)).toThrow(expect.objectContaining({ code: "wandb.bad-filter" }));
});

test("no more than 50 requests go in any minute, and none while the server wants quiet", async () => {
  let nowMs = 0;
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  const clock = { nowMs: () => nowMs, sleep };
  const pace = new RequestPace(50, clock);
  const sent: number[] = [];
  for (let at = 0; at < 200; at++) {
    await pace.turn();
    sent.push(nowMs);
    nowMs += 100;
  }
  for (let at = 50; at < 200; at++) expect(sent[at]! - sent[at - 50]!).toBeGreaterThanOrEqual(60_000);
  nowMs += 120_000;
  pace.pause(7_000);
  const before = nowMs;
  await pace.turn();
  expect(nowMs).toBe(before + 7_000);
});

describe("openvalidator wandb download", () => {
  const start = (server: WandbDouble, home: string, ...words: string[]) =>
    Bun.spawn([process.execPath, MAIN, "wandb", "download", "--entity", "e", "--project", "p", ...words], {
      env: {
        ...process.env,
        HOME: home,
        XDG_DATA_HOME: home,
        WANDB_API_KEY: KEY,
        WANDB_BASE_URL: server.url,
      },
      stdout: "pipe",
      stderr: "pipe",
    });

  test("goes on after kill -9 with every row once, and tags choose the runs", async () => {
    const server = makeDouble();
    for (let at = 0; at < 6; at++)
      addRun(server, `run${at}`, { rows: 500, tags: ["1.2.0", `netuid_${at % 2}`] });
    const home = folder();
    const isLate = (): boolean => requests(server, "HistoryPage") > 6;
    const match = { test: (subject: string) => subject.includes("HistoryPage") && isLate() };
    server.faults.push({ match, times: 100, kind: "hang" });
    const first = start(server, home, "--tags", "1.2.0");
    await until(isLate);
    first.kill("SIGKILL");
    await first.exited;
    server.faults.length = 0;
    server.log.length = 0;
    const second = start(server, home, "--tags", "1.2.0,netuid_1");
    expect(await new Response(second.stdout).text()).toMatch(/^3 runs with 1500 rows, /);
    expect(await new Response(second.stderr).text()).toBe("");
    expect(await second.exited).toBe(0);
    const third = start(server, home, "--all", "--json");
    const { runs } = JSON.parse(await new Response(third.stdout).text());
    expect(runs).toHaveLength(6);
    for (const { name, history } of server.runs.values())
      expect(linesOf(join(home, "openvalidator/wandb"), name)).toEqual(history);
    expect(existsSync(join(home, "openvalidator/wandb/e/p/run0/run.json"))).toBe(true);
    // Six runs of three pages, of which six were given; two of them may have been on their way to the disk.
    expect(requests(server, "HistoryPage")).toBeLessThanOrEqual(18 - 6 + 2);
  }, 60_000);
});
