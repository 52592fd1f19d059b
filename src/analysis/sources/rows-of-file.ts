import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { z } from "zod";
import { linesOf } from "../../base/lines.ts";
import { readWandbFile } from "../../wandb/record-file.ts";
import type { Row } from "../../wandb/row.ts";
import { RunFolder } from "../../wandb/run-folder.ts";
import { isSpool, metaPath } from "../../wandb/spool-meta.ts";
import { bytesOfFile, parseLine } from "./content.ts";
import { csvRecords } from "./csv.ts";
import { parsePython } from "./python-literal.ts";
import { NO_FACTS } from "./run-facts.ts";
import type { Content, RunFacts } from "./source.ts";

/** Cells that stay texts whatever they look like. */
const TEXT_COLUMN =
  /^(?:prompt|base_prompt|best|cause|name|forward|task|origin|time|kind|run|run_id|best_\w+|\w+_prompt|_timestamp)$/;
/** Not 0x12, which is a hash. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** What pandas and we write into a cell for none. */
const NO_VALUE: ReadonlySet<string> = new Set(["", "nan", "NaN", "None", "null"]);

/** One row of a W&B history in whatever file; undefined in place of one that is not understood. */
export interface FoundRow {
  row: Row | undefined;
  facts: RunFacts;
}

/** The rows of a file, in order. @throws the error of the file system or of the decompression */
export async function* rowsOfFile(path: string, { kind, compression }: Content): AsyncGenerator<FoundRow> {
  if (kind === "W&B record file") return yield* rowsOfRecords(path);
  const facts = factsBeside(path);
  if (kind === "CSV") return yield* rowsOfTable(bytesOfFile(path, compression), facts);
  for await (const { text, isWhole } of linesOf(bytesOfFile(path, compression))) {
    if (text === "") continue;
    const row = text === undefined ? undefined : parseLine(text);
    // A partial last line is one that is being written.
    if (row !== undefined || isWhole) yield { row, facts };
  }
}

async function* rowsOfRecords(path: string): AsyncGenerator<FoundRow> {
  const damage = { damaged: 0, isCutOff: false };
  let facts = NO_FACTS;
  for await (const record of readWandbFile(path, damage)) {
    if (record.kind === "run")
      facts = {
        id: record.id || undefined,
        tags: record.tags,
        config: record.config,
        createdAt: record.startedAtMs > 0 ? new Date(record.startedAtMs).toISOString() : undefined,
      };
    else if (record.kind === "config") facts = { ...facts, config: { ...facts.config, ...record.config } };
    else if (record.kind === "history") yield { row: { _step: record.step, ...record.row }, facts };
  }
  for (let at = 0; at < damage.damaged; at++) yield { row: undefined, facts };
}

async function* rowsOfTable(bytes: AsyncIterable<Uint8Array>, facts: RunFacts): AsyncGenerator<FoundRow> {
  let names: string[] | undefined;
  for await (const cells of csvRecords(bytes)) {
    if (names === undefined) {
      names = cells?.map((name) => name.replace(/^\ufeff/, "")) ?? [];
      continue;
    }
    if (cells?.length === 1 && cells[0] === "") continue;
    yield { row: cells?.length === names.length ? rowOfCells(names, cells) : undefined, facts };
  }
}

function rowOfCells(names: readonly string[], cells: readonly string[]): Row | undefined {
  try {
    return Object.fromEntries(
      names.flatMap((name, at): [string, unknown][] => {
        const cell = cells[at]!;
        if (NO_VALUE.has(cell) && !/^(?:prompt|base_prompt|best)/.test(name)) return [[name, null]];
        if (TEXT_COLUMN.test(name)) return [[name, cell]];
        return [[name, cellValue(cell)]];
      }),
    );
  } catch {
    return undefined; // a list that is none: counted by the caller as a row that is not understood
  }
}

function cellValue(cell: string): unknown {
  if (/^[[{]|^(?:tensor|array)\(/.test(cell)) return parsePython(cell);
  if (/^(?:true|false)$/i.test(cell)) return cell.toLowerCase() === "true";
  return DECIMAL.test(cell) ? Number(cell) : cell;
}

const description = z.object({ tags: z.array(z.string()), config: z.record(z.string(), z.unknown()) });
const spoolNote = z.object({ id: z.string(), startedAt: z.string(), description });

/** What the spool or the folder of a downloaded run says beside its rows. */
function factsBeside(path: string): RunFacts {
  if (basename(path) !== "history.jsonl") return NO_FACTS;
  const folder = dirname(path);
  // Opening the spool would mend it, and its validator may be writing.
  const spool = isSpool(folder)
    ? spoolNote.safeParse(parseLine(readFileSync(metaPath(folder), "utf8"))).data
    : undefined;
  if (spool !== undefined) return { ...spool.description, id: spool.id, createdAt: spool.startedAt };
  const { note } = new RunFolder(folder);
  if (note === undefined) return NO_FACTS;
  const { id, tags, config, createdAt } = note;
  return { id, tags, config, createdAt: createdAt ?? undefined };
}
