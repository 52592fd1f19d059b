import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { linesOf } from "../../base/lines.ts";
import { withoutMark } from "../../base/text.ts";
import { parseRow, type Row } from "../../wandb/row.ts";
import { csvRecords } from "./csv.ts";
import { exportedView } from "./exported-view.ts";
import { isOwnRow } from "./own-rows.ts";
import type { Compression, Content, SourceKind } from "./source.ts";

/** A file whose first lines are all damaged is none of ours. */
const LOOKED_AT_LINES = 20;
const MAGIC: readonly [string, string][] = [
  ["28b52ffd", "zstd"],
  ["1f8b", "gzip"],
  ["50415231", "Parquet"],
  ["3a572642e1be", "W&B record file"],
];
/** Behind a checksum. */
const DATABASE_AT = 8;
const DATABASE = "DUCK";
/** Columns by which a table of rows is known. */
const ROW_COLUMNS = /^(?:completions|(?:augment|followup|answer)\d{0,3}_completions|moving_averaged_scores)$/;

/** The bytes of a file, decompressed; reading them throws where the compression is damaged. */
export function bytesOfFile(path: string, compression: Compression): AsyncIterable<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  if (compression === "none") return file;
  // The error of either end comes to who reads.
  return pipeline(file, compression === "zstd" ? createZstdDecompress() : createGunzip(), () => undefined);
}

/** What a file is, by its first bytes and lines. @throws the error of the file system */
export async function contentOf(path: string): Promise<Content> {
  const head = Buffer.alloc(DATABASE_AT + DATABASE.length);
  const fd = openSync(path, "r");
  try {
    readSync(fd, head);
  } finally {
    closeSync(fd);
  }
  if (head.toString("latin1", DATABASE_AT) === DATABASE)
    return { kind: "database of DuckDB", compression: "none" };
  const magic = MAGIC.find(([hex]) => head.toString("hex").startsWith(hex))?.[1];
  if (magic === "Parquet" || magic === "W&B record file") return { kind: magic, compression: "none" };
  const compression = (magic as Compression | undefined) ?? "none";
  try {
    return { kind: await kindOfText(path, compression), compression };
  } catch (error) {
    if (compression !== "none") return { kind: "unknown", compression };
    throw error;
  }
}

async function kindOfText(path: string, compression: Compression): Promise<SourceKind> {
  let number = 0;
  for await (const { text } of linesOf(bytesOfFile(path, compression))) {
    const kind = text === undefined ? undefined : kindOfLine(text);
    if (kind !== undefined) return kind;
    // A line of CSV may end within quotes; its head has no such cell.
    if (number === 0 && text !== undefined && !text.startsWith("{")) {
      const table = await kindOfTable(text);
      if (table !== undefined) return table;
    }
    if (++number === LOOKED_AT_LINES) break;
  }
  return "unknown";
}

function kindOfLine(text: string): SourceKind | undefined {
  const row = parseLine(text);
  if (row === undefined) return undefined;
  const view = exportedView(Object.keys(row));
  if (view !== undefined) return view === "derived" ? "derived table" : "exported JSON lines";
  if (typeof row.kind === "string" && row.version === 2) return "journal";
  if (typeof row.kind === "string" && row.version === 1) return "journal of version 1";
  const isRow =
    isOwnRow(row) || Object.hasOwn(row, "_step") || Object.keys(row).some((name) => ROW_COLUMNS.test(name));
  return isRow ? "W&B rows" : undefined;
}

async function kindOfTable(head: string): Promise<SourceKind | undefined> {
  const bytes = (async function* () {
    yield Buffer.from(withoutMark(head));
  })();
  for await (const cells of csvRecords(bytes)) {
    if (cells === undefined) return undefined;
    const view = exportedView(cells);
    if (view !== undefined) return view === "derived" ? "derived table" : "exported CSV";
    return cells.some((name) => ROW_COLUMNS.test(name)) || isOwnRow(asRow(cells)) ? "CSV" : undefined;
  }
  return undefined;
}

function asRow(names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, name]));
}

/** undefined for what is no JSON object. */
export function parseLine(text: string): Row | undefined {
  try {
    const value = parseRow(withoutMark(text));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Row) : undefined;
  } catch {
    return undefined; // counted by the caller as a line that is not understood
  }
}
