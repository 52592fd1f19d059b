import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { kindsOfParquet, type ParquetGroup } from "./parquet-kinds.ts";
import { mendLines } from "./sources/mended-lines.ts";
import { type EventFile, sourceFailure } from "./sources/source.ts";
import { EVENTS } from "./views/events.ts";
import {
  columnList,
  eventsSql,
  keysSql,
  type Lines,
  namesSql,
  placeAmong,
  stepsSql,
  type Wanted,
  wantedSql,
} from "./views/lines.ts";
import { STEPS } from "./views/steps.ts";
import { identifier, literal, type View } from "./views/view.ts";
import { DERIVED } from "./views/views.ts";

/** Names of columns come from files; more of them than this is no profile. */
const MAX_COLUMNS = 500;

/** Where a row lies; no column of ours. */
const FILE_COLUMN = "lies_in";

/** How lines are read. */
export interface Laying {
  /** Reads lines once and keeps what was read, for many questions; else each question reads them. Parquet is read where it lies. */
  keeps?: boolean;
  signal?: AbortSignal | undefined;
  /** Of lines, the steps that questions will want alone, so many of the newest, and what runs told: read once, too. */
  only?: { wanted: Wanted; newest: number };
}

/** What reading the files came to. */
export interface Reading {
  /** Each once. */
  events: number;
  /** Lines that are no events: cut by a crash, damaged, or of something else. */
  unreadable: number;
  /** Copies of events that were there before, in another of the files or in the same; an event counts once. */
  repeated: number;
  /** Files of Parquet that were left out, and why. */
  damaged: { path: string; why: string }[];
}

/**
 * Makes the views of some files; where lines are kept, in the database `kept`.
 * @param folder for what has to be mended before DuckDB reads it
 * @returns what was found on the way
 * @throws Failure `sources.*`
 */
export async function layTables(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  { keeps = false, only, signal }: Laying,
  folder: string,
): Promise<Reading> {
  let withLines = files.filter(({ format }) => format === "events");
  const parquet = files.filter(({ format }) => format === "parquet");
  // Whoever reads a journal in order keeps all of it in memory.
  await connection.run("SET preserve_insertion_order = false");
  // The end of each file is read once, not for each question.
  await connection.run("SET parquet_metadata_cache = true");
  const { groups, leftOut } = await kindsOfParquet(connection, parquet);
  if (leftOut.length > 0 && leftOut.length === files.length) throw leftOut[0]!.failure;
  const reading: Reading = { events: 0, unreadable: 0, repeated: 0, damaged: [] };
  for (const { path, failure } of leftOut) reading.damaged.push({ path, why: failure.message });
  let names: string[] = [];
  let repeats: Record<string, unknown> = {};
  let lines: Lines = { files: withLines };
  if (withLines.length > 0) {
    lines = await keyedLines(connection, withLines, only);
    let counts = await countsOf(connection);
    if (Number(counts.bad) > 0) {
      const { files: all, mended } = await withMended(connection, withLines, folder, signal);
      if (all.some((file, at) => file !== withLines[at])) {
        withLines = all;
        lines = await keyedLines(connection, withLines, only);
        counts = await countsOf(connection);
      }
      reading.unreadable = Math.max(0, Number(counts.bad) - mended);
    }
    const found = await connection.runAndReadAll(`${namesSql(lines)} ORDER BY name LIMIT ${MAX_COLUMNS}`);
    names = found.getRowObjectsJS().map(({ name }) => String(name));
    await connection.run(
      `CREATE TEMP TABLE first_keys AS
       SELECT run, sequence, min(file) AS file, sum(copies) AS copies, arg_min(copies, file) > 1 AS is_within FROM (
         SELECT run, sequence, file, count(*) AS copies FROM line_keys
         WHERE kind IS NOT NULL AND run IS NOT NULL AND sequence IS NOT NULL GROUP BY run, sequence, file
       ) GROUP BY run, sequence HAVING sum(copies) > 1`,
    );
    repeats = await one(
      connection,
      "SELECT coalesce(sum(copies - 1), 0) AS copies, coalesce(bool_or(is_within), false) AS within FROM first_keys",
    );
    reading.repeated = Number(repeats.copies);
    reading.events = Number(counts.events) - reading.repeated;
  }
  const stored = [
    { view: EVENTS, fromLines: eventsSql(lines), columns: columnList(EVENTS) },
    { view: STEPS, fromLines: stepsSql(lines, names), columns: columnList(STEPS) },
  ];
  /** Events of files of Parquet that are lines, too, or in another of them; and those that are there alone. */
  let exported = 0;
  let alone = 0;
  for (const { view, fromLines, columns } of stored) {
    const empty = `SELECT ${Object.entries(view.columns)
      .map(([name, { type }]) => `NULL::${type} AS ${identifier(name)}`)
      .join(", ")} WHERE false`;
    const parts: string[] = [];
    if (withLines.length > 0) {
      const once = unrepeated(fromLines, columns, withLines, reading.repeated > 0, repeats.within === true);
      if (keeps) await connection.run(`CREATE TABLE kept.${view.name} AS ${once}`);
      parts.push(keeps ? `SELECT ${columns} FROM kept.${view.name}` : once);
    }
    const own = groups.filter((group) => group.view === view.name);
    const copies = await copiesIn(connection, view, own, withLines.length > 0);
    exported = Math.max(exported, copies.count);
    // The steps of a folder may stand alone.
    alone = Math.max(alone, own.reduce((sum, { rows }) => sum + rows, 0) - copies.count);
    for (const { paths, options } of own)
      parts.push(
        `SELECT ${columns} FROM (${empty} UNION ALL BY NAME SELECT * FROM read_parquet([${paths.map(literal).join(", ")}], ${options}, filename='${FILE_COLUMN}')) AS row${copies.besides}`,
      );
    const sql = parts.length === 0 ? empty : parts.join(" UNION ALL ");
    await connection.run(`CREATE VIEW ${view.name} AS ${sql}`);
  }
  reading.repeated += exported;
  reading.events += alone;
  if (reading.events === 0 && only === undefined)
    throw sourceFailure("sources.empty", "there are no events in what was named", "check the names");
  for (const { name, sql } of DERIVED) await connection.run(`CREATE VIEW ${name} AS ${sql}`);
  return reading;
}

/** Finds out where each event of lines lies. */
async function keyedLines(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  only: Laying["only"],
): Promise<Lines> {
  const lines: Lines = { files };
  if (only !== undefined) {
    lines.table = "wanted_lines";
    const sql = wantedSql(files, only.wanted, only.newest);
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${lines.table} AS ${sql}`);
  }
  await connection.run(`CREATE OR REPLACE TEMP TABLE line_keys AS ${keysSql(lines)}`);
  return lines;
}

async function countsOf(connection: DuckDBConnection): Promise<Record<string, unknown>> {
  return await one(
    connection,
    "SELECT count(kind) AS events, count(*) FILTER (kind IS NULL) AS bad FROM line_keys",
  );
}

/** The files, and behind or in the place of each of which DuckDB refuses lines, those of them that can be mended. */
async function withMended(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<{ files: EventFile[]; mended: number }> {
  const found = await connection.runAndReadAll("SELECT DISTINCT file FROM line_keys WHERE kind IS NULL");
  const bad = new Set(found.getRowObjectsJS().map(({ file }) => Number(file)));
  let mended = 0;
  const all: EventFile[] = [];
  for (const [at, file] of files.entries()) {
    if (!bad.has(at)) {
      all.push(file);
      continue;
    }
    const path = join(folder, `mended-${at}`);
    const { count, isWhole } = await mendLines(file, path, signal);
    if (!isWhole) all.push(file);
    if (count > 0 || isWhole) all.push({ path, format: "events", compression: "none", source: file.source });
    // In the place of its file, a line is counted no more among those that DuckDB refuses.
    if (!isWhole) mended += count;
  }
  return { files: all, mended };
}

interface Copies {
  count: number;
  /** What leaves them out, as the condition of a reading. */
  besides: string;
}

/**
 * What files of Parquet hold that counts elsewhere: as the journal has it, or as the first of two exports. A folder of one
 * export has every event once, and is not looked through for that.
 */
async function copiesIn(
  connection: DuckDBConnection,
  { name }: View,
  groups: readonly ParquetGroup[],
  hasLines: boolean,
): Promise<Copies> {
  const paths = groups.flatMap((group) => group.paths);
  const folders = new Set(paths.map((path) => path.slice(0, path.lastIndexOf(`/${name}/`))));
  const conditions: string[] = [];
  if (hasLines)
    conditions.push(
      `EXISTS (SELECT 1 FROM line_keys AS line WHERE line.kind ${name === STEPS.name ? "= 'step'" : "IS NOT NULL"} AND line.run = row.run AND line.sequence = row.sequence)`,
    );
  const read = `read_parquet([${paths.map(literal).join(", ")}], union_by_name=true, filename='${FILE_COLUMN}')`;
  if (folders.size > 1) {
    const first = `first_${name}`;
    await connection.run(
      `CREATE TEMP TABLE ${first} AS SELECT run, sequence, min(${FILE_COLUMN}) AS file FROM ${read} GROUP BY ALL HAVING count(*) > 1`,
    );
    conditions.push(
      `EXISTS (SELECT 1 FROM ${first} AS first WHERE first.run = row.run AND first.sequence = row.sequence AND first.file < row.${FILE_COLUMN})`,
    );
  }
  if (paths.length === 0 || conditions.length === 0) return { count: 0, besides: "" };
  const isCopy = `(${conditions.join(" OR ")})`;
  const { copies } = await one(connection, `SELECT count(*) AS copies FROM ${read} AS row WHERE ${isCopy}`);
  return { count: Number(copies), besides: Number(copies) > 0 ? ` WHERE NOT ${isCopy}` : "" };
}

/** Events that lie in two files are read from the first of them; of copies within it, any order of the lines gives the same. */
function unrepeated(
  sql: string,
  columns: string,
  files: readonly EventFile[],
  hasRepeated: boolean,
  hasWithin: boolean,
): string {
  if (!hasRepeated) return `SELECT ${columns} FROM (${sql})`;
  const place = placeAmong(files);
  const isCopy = `SELECT 1 FROM first_keys AS first WHERE first.run = line.run AND first.sequence = line.sequence AND`;
  const others = `SELECT ${columns} FROM (${sql}) AS line WHERE NOT EXISTS (${isCopy} (first.file < ${place} OR first.is_within))`;
  if (!hasWithin) return others;
  return `${others} UNION ALL SELECT * FROM (
      SELECT DISTINCT ON (run, sequence) ${columns} FROM (${sql}) AS line
      WHERE EXISTS (${isCopy} first.is_within AND first.file = ${place}) ORDER BY ALL
    )`;
}

async function one(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS()[0] ?? {};
}
