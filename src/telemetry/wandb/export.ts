import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeWorkFolder, syncDirectory } from "../../base/atomic.ts";
import { journalDirectory, spoolDirectory } from "../../wandb/places.ts";
import { WandbFileWriter } from "../../wandb/record-file.ts";
import { parseRow, type Row, summaryOf } from "../../wandb/row.ts";
import { newRunId } from "../../wandb/run-id.ts";
import { RunSpool } from "../../wandb/spool.ts";
import { openSpools, recoverSpools } from "./deliveries.ts";
import { refill } from "./refill.ts";

export interface ExportOptions {
  /** Of the validator's state. */
  directory: string;
  /** Gets `wandb/offline-run-…/run-….wandb`, as the official client lays out the runs of a folder. */
  to: string;
  weightsStepLength: number;
  /** No validator works with this folder, so that a run without an end can be made whole and closed. */
  isAlone: boolean;
  /** Also runs that W&B has whole, whose rows come from the journal. */
  isAll: boolean;
  signal: AbortSignal;
  onRun?(run: ExportedRun): void;
}

export interface ExportedRun {
  /** Of the spool. */
  id: string;
  /**
   * exported · open: its validator still writes to it · there: the folder has it already · gone: neither spool nor
   * journal has all of its rows.
   */
  state: "exported" | "open" | "there" | "gone";
  rows: number;
  /** Of the `.wandb` file. */
  path: string | null;
}

/**
 * Writes runs as `.wandb` files, which the official client's `wandb sync` sends and its viewers show. Each is a copy with
 * an id of its own, which names its original in `config.copy_of`: the client appends to whatever the server has of a run,
 * so one that is sent in two ways would have its rows twice.
 * @returns the runs that were looked at, oldest first
 * @throws the error of the file system, with no part of the run left behind
 */
export async function exportRuns(options: ExportOptions): Promise<ExportedRun[]> {
  const { directory, weightsStepLength, isAlone, isAll, signal, onRun } = options;
  const spools = openSpools(spoolDirectory(directory));
  if (isAlone) await recoverSpools(spools, journalDirectory(directory), weightsStepLength);
  const runs: ExportedRun[] = [];
  for (const spool of spools) {
    if (signal.aborted) break;
    if (spool.meta.delivered.complete && !isAll) continue;
    const run = await exportRun(spool, options);
    runs.push(run);
    onRun?.(run);
  }
  return runs;
}

async function exportRun(spool: RunSpool, options: ExportOptions): Promise<ExportedRun> {
  const { id, sealed, delivered } = spool.meta;
  const folder = join(options.to, "wandb");
  if (sealed === null) return { id, state: "open", rows: spool.lines("history"), path: null };
  const name = `offline-run-${spool.meta.startedAt.replace(/\D/g, "").replace(/^(.{8})(.{6}).*/, "$1_$2")}-${id}`;
  const there = existsSync(folder) && readdirSync(folder).find((one) => one.startsWith(`${name}-`));
  if (there) return { id, state: "there", rows: 0, path: join(folder, there) };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const copyId = `${id}-${newRunId().slice(0, 4)}`;
  const temporary = makeWorkFolder(join(folder, ".export-"), folder);
  try {
    const rows = delivered.complete ? await remake(spool, join(temporary, "rows"), options) : spool;
    const file = `run-${copyId}.wandb`;
    const written = await writeRun(join(temporary, file), rows, copyId, sealed.exitCode);
    if (rows !== spool) rmSync(rows.directory, { recursive: true });
    // W&B has more of it: the journal has dropped its oldest events, or a running validator has just given the run away.
    if (written < Math.max(spool.lines("history"), delivered.history))
      return { id, state: "gone", rows: 0, path: null };
    const path = join(folder, `${name}-${copyId.slice(id.length + 1)}`);
    renameSync(temporary, path);
    syncDirectory(folder);
    return { id, state: "exported", rows: written, path: join(path, file) };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The rows of a run that is delivered, as far as the journal has its events; system metrics are not among them. */
async function remake(
  { meta }: RunSpool,
  folder: string,
  { directory, weightsStepLength }: ExportOptions,
): Promise<RunSpool> {
  const { id, startedAt, process, first, description, sealed } = meta;
  const rows = RunSpool.create(folder, { id, startedAt, process, first, description });
  await refill(rows, journalDirectory(directory), weightsStepLength, sealed?.next);
  return rows;
}

/** @returns rows of the history that were written */
async function writeRun(path: string, spool: RunSpool, id: string, exitCode: number): Promise<number> {
  const { description, startedAt } = spool.meta;
  const writer = await WandbFileWriter.create(path);
  try {
    await writer.write({
      kind: "run",
      id,
      entity: description.entity,
      project: description.project,
      displayName: description.displayName,
      notes: description.notes,
      group: "",
      jobType: "",
      tags: description.tags,
      host: "",
      startedAtMs: Date.parse(startedAt),
      config: { ...description.config, copy_of: spool.meta.id },
    });
    const summary: Row = {};
    let runtimeSeconds = 0;
    let rows = 0;
    for (const text of spool.rows("history")) {
      const row = parseRow(text) as Row;
      Object.assign(summary, summaryOf(row));
      runtimeSeconds = Number(row._runtime);
      await writer.write({ kind: "history", step: Number(row._step), row });
      rows++;
    }
    for (const text of spool.rows("events")) {
      const { _wandb, _timestamp, _runtime, ...row } = parseRow(text) as Row;
      const values = Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name.replace(/^system\./, ""), value]),
      );
      await writer.write({ kind: "stats", timeMs: Number(_timestamp) * 1000, values });
    }
    await writer.write({ kind: "summary", values: summary });
    await writer.write({ kind: "exit", exitCode, runtimeSeconds });
    return rows;
  } finally {
    await writer.close();
  }
}
