import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type ExportedRun, exportRuns } from "../../src/telemetry/wandb/export.ts";
import type { RunRecord, WandbRecord } from "../../src/wandb/record.ts";
import { readWandbFile } from "../../src/wandb/record-file.ts";
import { parseRow } from "../../src/wandb/row.ts";
import { RunSpool } from "../../src/wandb/spool.ts";
import { scratchFolders } from "../scratch.ts";
import { until, wandbDoubles } from "./doubles.ts";
import { KEY, type Options, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(60_000);
const folder = scratchFolders("wandb-export");

async function reported(directory: string, steps: number, options: Options): Promise<ReportedFeed> {
  const validator = new ReportedFeed(directory, options);
  validator.start();
  validator.emit(steps);
  const spools = join(directory, "wandb");
  await until(() => existsSync(spools) && readdirSync(spools).some((name) => name.startsWith("run-")));
  const name = readdirSync(spools).find((one) => one.startsWith("run-"))!;
  // As the system is sampled every 15 s; the file is the spool's own.
  if (options.url === undefined)
    await Bun.write(
      join(spools, name, "events.jsonl"),
      '{"system.cpu":12.5,"system.gpu.0.gpu":33,"_wandb":true,"_timestamp":1767225600.5,"_runtime":15}\n',
    );
  await validator.stop();
  return validator;
}

function exported(
  directory: string,
  to: string,
  more: { isAlone?: boolean; isAll?: boolean } = {},
): Promise<ExportedRun[]> {
  return exportRuns({
    directory,
    to,
    weightsStepLength: 10,
    isAlone: true,
    isAll: false,
    signal: new AbortController().signal,
    ...more,
  });
}

async function recordsOf(path: string): Promise<WandbRecord[]> {
  const damage = { damaged: 0, isCutOff: false };
  const records = await Array.fromAsync(readWandbFile(path, damage));
  expect(damage).toEqual({ damaged: 0, isCutOff: false });
  return records;
}

const rowsOf = (records: readonly WandbRecord[]): Record<string, unknown>[] =>
  records.flatMap((record) => (record.kind === "history" ? [record.row] : []));

test("an offline run becomes a .wandb file with every row, system metrics, config, tags, summary and exit", async () => {
  const directory = folder();
  const to = folder();
  const validator = await reported(directory, 30, { offline: true });
  const [run, ...none] = await exported(directory, to);
  expect(none).toEqual([]);
  const { meta } = RunSpool.open(join(directory, "wandb", readdirSync(join(directory, "wandb"))[0]!));
  expect(run).toMatchObject({ id: meta.id, state: "exported", rows: validator.events.length });
  const [, stamp] = meta.startedAt.match(/^(.{19})/)!;
  const [day, time] = stamp!.replace(/[-:]/g, "").split("T");
  const copy = run!.path!.match(/run-([a-z0-9]{8}-[a-z0-9]{4})\.wandb$/)![1]!;
  expect(run!.path).toBe(join(to, "wandb", `offline-run-${day}_${time}-${copy}`, `run-${copy}.wandb`));

  const records = await recordsOf(run!.path!);
  const { config, ...described } = records[0] as RunRecord;
  expect(described).toEqual({
    kind: "run",
    id: copy,
    entity: "opentensor-dev",
    project: "openvalidators",
    displayName: meta.description.displayName,
    notes: "a note",
    group: "",
    jobType: "",
    tags: ["h", "0.2.0", "20", "netuid_1"],
    host: "",
    startedAtMs: Date.parse(meta.startedAt),
  });
  expect(config).toEqual({ ...meta.description.config, copy_of: meta.id });
  const rows = rowsOf(records);
  expect(rows.map(({ sequence }) => sequence)).toEqual(validator.events.map(({ sequence }) => sequence));
  expect(rows.map(({ _step }) => _step)).toEqual(rows.map((_, index) => index));
  const step = rows.find(({ kind }) => kind === "step")!;
  expect(step.dahoas_reward_model).toEqual([1.5, Number.NaN]);
  expect(records.filter(({ kind }) => kind === "stats")).toEqual([
    { kind: "stats", timeMs: 1_767_225_600_500, values: { cpu: 12.5, "gpu.0.gpu": 33 } },
  ]);
  expect(records.at(-2)).toMatchObject({
    kind: "summary",
    values: { kind: "stop", "kpi/gating_loss": 0.03 },
  });
  expect(records.at(-1)).toMatchObject({ kind: "exit", exitCode: 0 });

  // What is there stays, and what the official client has noted beside it.
  expect(await exported(directory, to)).toEqual([
    { id: meta.id, state: "there", rows: 0, path: join(run!.path!, "..") },
  ]);
  expect(readdirSync(join(to, "wandb")).length).toBe(1);
});

test("a run that W&B has is exported when asked for, from the journal, and told to be gone without one", async () => {
  const server = makeDouble();
  const directory = folder();
  const validator = await reported(directory, 10, { url: server.url, key: KEY });
  const to = folder();
  expect(await exported(directory, to)).toEqual([]);
  const [run] = await exported(directory, to, { isAll: true });
  expect(run).toMatchObject({ state: "exported", rows: validator.events.length });
  const rows = rowsOf(await recordsOf(run!.path!));
  expect(rows).toEqual(
    [...server.runs.values()][0]!.history.map((line) => parseRow(line) as (typeof rows)[0]),
  );
  rmSync(join(directory, "events"), { recursive: true });
  const elsewhere = folder();
  expect(await exported(directory, elsewhere, { isAll: true })).toMatchObject([
    { state: "gone", path: null },
  ]);
  expect(readdirSync(join(elsewhere, "wandb"))).toEqual([]);
});

test("a run that is still written is left to its validator; one that was killed is made whole first", async () => {
  const directory = folder();
  const validator = new ReportedFeed(directory, { offline: true });
  validator.start();
  validator.emit(5);
  await until(
    () => readdirSync(directory).includes("wandb") && readdirSync(join(directory, "wandb")).length > 0,
  );
  const to = folder();
  expect(await exported(directory, to, { isAlone: false })).toMatchObject([{ state: "open", path: null }]);
  const [run] = await exported(directory, to);
  expect(run).toMatchObject({ state: "exported", rows: validator.events.length });
  expect((await recordsOf(run!.path!)).at(-1)).toMatchObject({ kind: "exit", exitCode: 1 });
  await validator.stop();
});
