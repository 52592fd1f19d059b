import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Delivery } from "../../src/telemetry/wandb/delivery.ts";
import type { Pace } from "../../src/telemetry/wandb/pace.ts";
import { WandbApi } from "../../src/wandb/api.ts";
import { ArtifactUploads } from "../../src/wandb/artifact-upload.ts";
import { RunSpool } from "../../src/wandb/spool.ts";
import { scratchFolders } from "../scratch.ts";
import type { Fault, WandbDouble } from "./double.ts";
import { until, wandbDoubles } from "./doubles.ts";
import { KEY, QUICK, SHORT_TIMEOUTS } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(20_000);
const folder = scratchFolders("wandb-delivery");

const STARTED = "2026-01-01T00:00:00.000Z";

function makeSpool(directory = join(folder(), "run-20260101000000-abcd1234")): RunSpool {
  return RunSpool.create(directory, {
    id: "abcd1234",
    startedAt: STARTED,
    process: "p",
    first: 0,
    description: {
      entity: "e",
      project: "p",
      displayName: "d",
      notes: "",
      tags: ["t"],
      config: { netuid: 1 },
    },
  });
}

/** Rows that come next, one a second. */
function fill(spool: RunSpool, count: number, more: Record<string, unknown> = {}): void {
  for (let row = 0; row < count; row++)
    spool.append({
      time: new Date(Date.parse(STARTED) + spool.next * 1000).toISOString(),
      run: "p",
      sequence: spool.next,
      ...more,
    });
}

function apiOf(server: WandbDouble): WandbApi {
  return new WandbApi({ url: server.url, key: KEY, timeoutsMs: SHORT_TIMEOUTS });
}

function deliver(server: WandbDouble, spool = makeSpool()) {
  const api = apiOf(server);
  const delivery = new Delivery(spool, api, { pace: QUICK, artifacts: new ArtifactUploads(api) });
  return { spool, delivery, done: delivery.run() };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

describe("a fault", () => {
  const FAULTS: [string, Partial<Fault>][] = [
    ["429 with Retry-After", { status: 429, headers: { "retry-after": "0.1" } }],
    [
      "429 with the rate limit's reset",
      { status: 429, headers: { "ratelimit-remaining": "0", "ratelimit-reset": "1" } },
    ],
    ["500", { status: 500 }],
    ["503 with a page of HTML", { status: 503, body: "<html>" }],
    ["200 with a page of HTML", { status: 200, body: "<html>" }],
    ["no answer", { kind: "hang" }],
    ["an answer that never ends", { kind: "endless" }],
    ["an answer that is lost after the rows were taken", { kind: "taken" }],
  ];
  test.each(FAULTS)("%s: every row arrives once and in order", async (_, fault) => {
    const server = makeDouble();
    server.faults.push({ match: /UpsertBucket/, times: 2, ...fault });
    server.faults.push({ match: /file_stream/, times: 3, ...fault });
    const { spool, delivery, done } = deliver(server);
    fill(spool, 20);
    await until(() => server.faults.every(({ times }) => times === 0));
    fill(spool, 20);
    spool.seal(0);
    delivery.wake();
    expect(await done).toBe("done");
    expect(server.rows().map((row) => row.sequence)).toEqual(numbers(40));
    const [run] = [...server.runs.values()];
    expect(run).toMatchObject({ isDone: true, gaps: [], changed: 0 });
  });

  test("429 waits as long as the server says", async () => {
    const server = makeDouble();
    server.faults.push({ match: /file_stream/, times: 1, status: 429, headers: { "retry-after": "1" } });
    const spool = makeSpool();
    fill(spool, 3);
    spool.seal(0);
    await deliver(server, spool).done;
    const [refused, taken] = server.log.filter(({ path }) => path.endsWith("file_stream"));
    expect(taken!.atMs - refused!.atMs).toBeGreaterThanOrEqual(1_000);
    expect(taken!.body).toEqual(refused!.body!);
  });

  test("413: bodies get smaller until they are taken", async () => {
    const server = makeDouble();
    server.faults.push({ match: /file_stream/, times: 18, status: 413 });
    const spool = makeSpool();
    fill(spool, 40);
    spool.seal(0);
    expect(await deliver(server, spool).done).toBe("done");
    expect(server.rows().map((row) => row.sequence)).toEqual(numbers(40));
    expect([...server.runs.values()][0]).toMatchObject({ gaps: [], changed: 0 });
  });

  test.each([401, 403, 404, 409, 422])("%d is final, and the rows stay", async (status) => {
    const server = makeDouble();
    server.faults.push({ match: /file_stream/, times: 1, status });
    const spool = makeSpool();
    fill(spool, 3);
    expect(await deliver(server, spool).done).toBe("refused");
    expect(spool.unsentRows).toBe(3);
    // A later process, or a sync, tries again.
    const again = RunSpool.open(spool.directory);
    again.seal(1);
    expect(await deliver(server, again).done).toBe("done");
    expect(server.rows().map((row) => row.sequence)).toEqual(numbers(3));
  });
});

test("a process that died before it noted what was taken sends nothing twice", async () => {
  const server = makeDouble();
  const spool = makeSpool();
  fill(spool, 10);
  const before = readFileSync(join(spool.directory, "meta.json"), "utf8");
  const { delivery, done } = deliver(server, spool);
  await until(() => spool.unsentRows === 0);
  delivery.stop();
  await done;
  writeFileSync(join(spool.directory, "meta.json"), before);
  const again = RunSpool.open(spool.directory);
  fill(again, 5);
  again.seal(0);
  server.log.length = 0;
  await deliver(server, again).done;
  const sent = server.log.flatMap(({ body }) => body?.files?.["wandb-history.jsonl"]?.content ?? []);
  expect(sent.length).toBe(5);
  expect(server.rows().map((row) => row.sequence)).toEqual(numbers(15));
});

test("requests of a run keep their distance, and an idle one says that it lives", async () => {
  // A clock that only the product's own sleeps move, so that a slow machine is none of its business.
  let clock = 0;
  const pace: Pace = {
    ...QUICK,
    now: () => clock,
    async sleep(ms) {
      clock += ms;
      await Bun.sleep(0);
    },
  };
  const sent: { at: number; body: string }[] = [];
  class TimedApi extends WandbApi {
    override fileStream(...words: Parameters<WandbApi["fileStream"]>): ReturnType<WandbApi["fileStream"]> {
      sent.push({ at: clock, body: words[2] });
      return super.fileStream(...words);
    }
  }
  const server = makeDouble();
  const api = new TimedApi({ url: server.url, key: KEY, timeoutsMs: SHORT_TIMEOUTS });
  const delivery = new Delivery(makeSpool(), api, { pace, artifacts: new ArtifactUploads(api) });
  const done = delivery.run();
  await until(() => sent.length >= 5);
  delivery.stop();
  await done;
  expect(new Set(sent.map(({ body }) => body))).toEqual(new Set(["{}"]));
  for (const [index, { at }] of sent.slice(1).entries())
    expect(at - sent[index]!.at).toBeGreaterThanOrEqual(QUICK.heartbeatMs);
});

describe("a spool", () => {
  test("goes on behind the last whole line after a crash", () => {
    const spool = makeSpool();
    fill(spool, 3, { text: "\n\u2028 {", value: Number.NaN, "kpi/x": 1 });
    appendFileSync(join(spool.directory, "history.jsonl"), '{"sequence":3,"half');
    const opened = RunSpool.open(spool.directory);
    expect(opened.next).toBe(3);
    expect(opened.lines("history")).toBe(3);
    fill(opened, 1);
    const lines = readFileSync(join(spool.directory, "history.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.length).toBe(4);
    expect(lines[0]).toContain('"value":NaN');
    expect(opened.summary).toContain('"kpi/x":1');
  });

  test("refuses a row that does not belong behind the last one", () => {
    const spool = makeSpool();
    fill(spool, 2);
    expect(() => spool.append({ sequence: 1, time: STARTED })).toThrow("does not belong");
    spool.seal(0);
    expect(() => spool.append({ sequence: 2, time: STARTED })).toThrow("does not belong");
  });

  test("leaves the texts out of a row that is longer than the server takes", async () => {
    const server = makeDouble();
    const spool = makeSpool();
    fill(spool, 1, { completions: ["x".repeat(11 << 20)], step: 7 });
    fill(spool, 1);
    spool.seal(0);
    await deliver(server, spool).done;
    expect(server.rows()[0]).toMatchObject({ sequence: 0, step: 7, too_long: true });
    expect(server.rows().length).toBe(2);
  });

  test("sends long rows in bodies that the server takes", async () => {
    const server = makeDouble();
    const spool = makeSpool();
    fill(spool, 20, { completions: ['"\\'.repeat(100_000)] });
    spool.seal(3);
    await deliver(server, spool).done;
    expect(server.rows().map((row) => row.sequence)).toEqual(numbers(20));
    const sizes = server.log.map(({ body }) => JSON.stringify(body ?? {}).length);
    expect(Math.max(...sizes)).toBeLessThan(10 << 20);
    expect(server.stateOf([...server.runs.values()][0]!)).toBe("failed");
    expect(existsSync(join(spool.directory, "history.jsonl"))).toBe(false);
    expect(RunSpool.open(spool.directory).meta.delivered.complete).toBe(true);
  });
});
