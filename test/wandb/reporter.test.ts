import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import type { WandbDouble } from "./double.ts";
import { syncAll, until, wandbDoubles } from "./doubles.ts";
import { KEY, type Options, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(60_000);
const folder = scratchFolders("wandb");

function report(server: WandbDouble, options: Options = {}, directory = folder()): ReportedFeed {
  return new ReportedFeed(directory, { url: server.url, key: KEY, ...options });
}

/** Sequence numbers of all rows of all runs, in the order in which the runs were made. */
function sequences(server: WandbDouble): unknown[] {
  return [...server.runs.values()].flatMap((run) => server.rows(run.name).map((row) => row.sequence));
}

describe("a run", () => {
  test("has a row for every event, once and in order, with the old names and the new ones", async () => {
    const server = makeDouble();
    const signed: string[] = [];
    const validator = report(server, {
      weightsStepLength: 4,
      sign: (id) => {
        signed.push(id);
        return Uint8Array.of(1, 171);
      },
    });
    const handlers = process.listenerCount("SIGTERM");
    validator.start();
    validator.emit(40);
    await validator.stop();
    expect(process.listenerCount("SIGTERM")).toBe(handlers);

    const [run] = [...server.runs.values()];
    expect(run).toMatchObject({
      entity: "opentensor-dev",
      project: "openvalidators",
      notes: "a note",
      isDone: true,
      exitCode: 0,
      gaps: [],
      changed: 0,
    });
    expect(run!.tags).toEqual(["h", "0.2.0", "20", "netuid_1"]);
    expect(signed).toEqual([run!.name]);
    const config = JSON.parse(run!.config);
    expect(config.signature.value).toBe("01ab");
    expect(config.neuron.value.device.device).toBe("auto");
    expect(config.netuid.value).toBe(1);
    expect(config._wandb.value.t).toBeDefined();

    expect(sequences(server)).toEqual(validator.events.map(({ sequence }) => sequence));
    const rows = server.rows();
    expect(rows.map((row) => row._step)).toEqual(rows.map((_, index) => index));
    const step = rows.find((row) => row.kind === "step" && row.step === 8)!;
    expect(step).toMatchObject({
      name: "augment",
      prompt: "p",
      uids: [0, 1],
      completions: ["c", "c"],
      completion_times: [0.9, 0.9],
      rewards: [0.5, 0.5],
      gating_loss: 0.008,
      best: "c",
      step_length: 1,
      dahoas_reward_model: [1.5, Number.NaN],
      dahoas_reward_model_normalized: [0.5, null],
      "kpi/gating_loss": 0.008,
      "kpi/mean_reward": 0.5,
      "kpi/answer_rate": 1,
    });
    expect(step._timestamp).toBe(Date.parse(String(step.time)) / 1000);
    const weighted = rows.filter((row) => row.kind === "step" && "set_weights" in row);
    expect(weighted.length).toBeGreaterThan(0);
    expect(weighted.every((row) => Number(row.step) % 4 === 0)).toBe(true);
    expect(rows.some((row) => row.moving_averaged_scores !== undefined)).toBe(true);
    expect(rows.some((row) => "kpi/forward_seconds" in row)).toBe(true);
    expect(rows.some((row) => "kpi/block_seconds" in row)).toBe(true);
    expect(rows[0]).toMatchObject({ kind: "chain", "chain/state": "clock", "chain/value": 3600 });
    expect(JSON.parse(run!.summary)).toMatchObject({ kind: "stop", "kpi/gating_loss": 0.04 });
  });

  test("ends after so many steps, and the next one goes on where it ended", async () => {
    const server = makeDouble();
    const validator = report(server, { runStepLength: 10 });
    validator.start();
    validator.emit(35);
    await until(() => server.runs.size === 4);
    await validator.stop();
    const runs = [...server.runs.values()];
    expect(runs.length).toBe(4);
    expect(runs.map(({ isDone, exitCode }) => [isDone, exitCode])).toEqual(runs.map(() => [true, 0]));
    expect(sequences(server)).toEqual(validator.events.map(({ sequence }) => sequence));
  });

  test("goes to the key's own entity where it may not write to the wanted one", async () => {
    const server = makeDouble({ entity: "mine", writable: ["mine"] });
    const validator = report(server);
    validator.start();
    validator.emit(3);
    await validator.stop();
    expect([...server.runs.keys()].map((name) => name.split("/")[0])).toEqual(["mine"]);
    expect(sequences(server)).toEqual(validator.events.map(({ sequence }) => sequence));
  });
});

describe("a server that cannot be reached", () => {
  test("to the end of the process: the next process sends the rows of before as well", async () => {
    const server = makeDouble();
    const directory = folder();
    const first = new ReportedFeed(directory, { url: "http://127.0.0.1:9", key: KEY });
    first.start();
    first.emit(10);
    await first.stop();
    const second = report(server, {}, directory);
    second.start();
    await until(() => [...server.runs.values()].some(({ isDone }) => isDone));
    await second.stop();
    const of = (validator: ReportedFeed) =>
      [...server.runs.values()]
        .filter((run) => server.rows(run.name)[0]!.run === validator.feed.run)
        .flatMap((run) => server.rows(run.name).map((row) => row.sequence));
    expect(of(first)).toEqual(first.events.map(({ sequence }) => sequence));
    expect(of(second)).toEqual(second.events.map(({ sequence }) => sequence));
  });

  test("a refusal for good is told once, and the rows stay on disk", async () => {
    const server = makeDouble({ key: "another" });
    const validator = report(server);
    validator.start();
    validator.emit(5);
    await until(() => validator.reporter.status.wandbState === "refused");
    const asked = server.log.length;
    validator.emit(5, 6);
    await until(() => validator.reporter.status.wandbBacklog > 10);
    await validator.stop();
    expect(server.log.length).toBe(asked);
  });
});

describe("offline", () => {
  test.each([
    ["by a flag", { key: KEY, offline: true }],
    ["without a key", {}],
  ])("%s nothing is sent, and sync sends every row later", async (_, options) => {
    const server = makeDouble();
    const directory = folder();
    const validator = new ReportedFeed(directory, { url: server.url, runStepLength: 10, ...options });
    validator.start();
    validator.emit(15);
    await until(
      () => existsSync(join(directory, "wandb")) && readdirSync(join(directory, "wandb")).length >= 2,
    );
    await validator.stop();
    expect(server.log).toEqual([]);
    const sync = () => syncAll(server, directory);
    const synced = await sync();
    expect(synced.map(({ state }) => state)).toEqual(synced.map(() => "done"));
    expect(sequences(server)).toEqual(validator.events.map(({ sequence }) => sequence));
    expect(await sync()).toEqual([]);
    expect(sequences(server)).toEqual(validator.events.map(({ sequence }) => sequence));
  });
});

test("the key is in no file of the validator", async () => {
  const server = makeDouble();
  const directory = folder();
  const validator = report(server, {}, directory);
  validator.start();
  validator.emit(5);
  await validator.stop();
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const path = join(directory, name);
    if (statSync(path).isFile()) expect(readFileSync(path, "utf8")).not.toContain(KEY);
  }
});
