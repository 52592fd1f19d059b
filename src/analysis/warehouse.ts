import { rmSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";
import { join } from "node:path";
import type {
  DuckDBConnection,
  DuckDBInstance,
  DuckDBResult,
  DuckDBValueConverter,
  JS,
} from "@duckdb/node-api";
import { Failure } from "../base/error.ts";
import { kindsOfParquet } from "./parquet-kinds.ts";
import { noRoom, prepareQuestions, refusedQuestion, stopped, withoutNaN } from "./question.ts";
import { type EventFile, sourceFailure } from "./sources/source.ts";
import { EVENTS } from "./views/events.ts";
import {
  columnList,
  eventsSql,
  keysSql,
  type Lines,
  namesSql,
  stepsSql,
  type Wanted,
  wantedSql,
} from "./views/lines.ts";
import { STEPS } from "./views/steps.ts";
import { identifier, literal } from "./views/view.ts";
import { DERIVED } from "./views/views.ts";
import { workFolder } from "./work-folder.ts";

/** A database that takes more than this beside a validator takes it from the validator. */
const MAX_MEMORY_BYTES = 2 * 2 ** 30;
const MIN_MEMORY_BYTES = 256 * 2 ** 20;
/**
 * Of a table on disk, some hours of steps, the fewest that DuckDB takes: who asks for some time reads little more than that,
 * and each thread holds as many in memory, which are 300 MB where answers are long.
 */
const KEPT_GROUP_ROWS = 2048;
/** Names of columns come from files; more of them than this is no profile. */
const MAX_COLUMNS = 500;

export interface WarehouseOptions {
  /** Where the database puts what does not fit into memory; a folder of its own is made in it and removed. */
  temporary: string;
  /** Reads lines once and keeps what was read, for many questions; else each question reads them. Parquet is read where it lies. */
  keeps?: boolean;
  /** Of lines, the steps that questions will want alone, so many of the newest, and what runs told: read once, too. */
  only?: { wanted: Wanted; newest: number };
  memoryBytes?: number;
  threads?: number;
  /** Folders that a question may write to: none unless given. */
  writable?: readonly string[];
  signal?: AbortSignal | undefined;
}

/** What reading the files came to. */
export interface Reading {
  events: number;
  /** Lines that are no events: cut by a crash, damaged, or of something else. */
  unreadable: number;
  /** Copies of events that were there before, in another of the files or in the same; an event counts once. */
  repeated: number;
  /** Files of Parquet that were left out, and why. */
  damaged: { path: string; why: string }[];
}

/** Whole numbers beyond 2^53 come as bigint. */
export type Value = JS;
export type Row = Record<string, Value>;

export interface Answer {
  names: string[];
  /** Rows in the order of the names. */
  chunks: AsyncIterable<Value[][]>;
}

/**
 * The events of some files as tables that questions are asked of in SQL (DuckDB's). It can read those files and nothing
 * else, on this machine or off it, whatever is asked.
 */
export class Warehouse {
  readonly reading: Reading;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #converter: DuckDBValueConverter<JS>;
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;
  readonly #interrupt: () => void;

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    converter: DuckDBValueConverter<JS>,
    folder: string,
    reading: Reading,
    signal: AbortSignal | undefined,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#converter = converter;
    this.#folder = folder;
    this.reading = reading;
    this.#signal = signal;
    this.#interrupt = () => connection.interrupt();
    signal?.addEventListener("abort", this.#interrupt);
  }

  /**
   * @param files first those that count where an event is in two
   * @throws Failure `sources.*`, `query.stopped`, `query.no-room`, `query.no-memory`, and what the system says
   */
  static async open(files: readonly EventFile[], options: WarehouseOptions): Promise<Warehouse> {
    // Loaded when it is needed: 70 MB that no other command wants.
    const { DuckDBInstance, JSDuckDBValueConverter } = await import("@duckdb/node-api");
    const folder = workFolder(options.temporary, "warehouse");
    try {
      const instance = await DuckDBInstance.create(":memory:", settingsOf(options, folder));
      const connection = await instance.connect();
      const onAbort = (): void => connection.interrupt();
      options.signal?.addEventListener("abort", onAbort);
      try {
        if (options.keeps) {
          const file = (name: string): string => literal(join(folder, `${name}.duckdb`));
          await connection.run(`ATTACH ${file("kept")} AS kept (ROW_GROUP_SIZE ${KEPT_GROUP_ROWS})`);
          // What questions make of it are narrow tables, in groups of the usual size.
          await connection.run(`ATTACH ${file("made")} AS made`);
          await connection.run("USE made");
        }
        const reading = await load(connection, files, options);
        // Lines that are kept are read from no file any more.
        const read =
          options.keeps || options.only ? files.filter(({ format }) => format === "parquet") : files;
        await lockUp(connection, read, options.writable ?? [], folder);
        return new Warehouse(instance, connection, JSDuckDBValueConverter, folder, reading, options.signal);
      } catch (error) {
        connection.disconnectSync();
        instance.closeSync();
        throw options.signal?.aborted ? stopped() : error;
      } finally {
        options.signal?.removeEventListener("abort", onAbort);
      }
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw noRoom(error) ?? error;
    }
  }

  /** All rows of an answer, for small ones. @throws Failure `query.refused`, `query.stopped`, `query.no-room`, `query.no-memory` */
  async rows(sql: string): Promise<Row[]> {
    const rows = await this.#asked(async () => (await this.#connection.runAndReadAll(sql)).getRowObjectsJS());
    return rows.map(
      (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, numeric(value)])) as Row,
    );
  }

  /** An answer of any size, some thousand rows at a time. @throws Failure `query.refused`, `query.stopped`, `query.no-room`, `query.no-memory` */
  async stream(sql: string): Promise<Answer> {
    return this.#answer(await this.#asked(() => this.#connection.stream(sql)));
  }

  /** As `stream`, for SQL that is not ours: it may ask and nothing else. An answer ends when the next question is asked. */
  async *ask(sql: string): AsyncGenerator<Answer> {
    const asked = await this.#asked(() => withoutNaN(this.#connection, sql));
    const questions = prepareQuestions(this.#connection, asked);
    for (;;) {
      const answer = await this.#asked(async () => {
        const next = await questions.next();
        return next.done ? undefined : this.#answer(await next.value.stream());
      });
      if (answer === undefined) return;
      yield answer;
    }
  }

  /** Writes the answer to a question of SQL that is not ours as a file of Parquet. @param path in a folder that may be written to */
  async save(sql: string, path: string): Promise<void> {
    await this.#asked(async () => {
      const asked = await withoutNaN(this.#connection, sql);
      // What stands as a question by itself does so within brackets, and cannot end them.
      for await (const question of prepareQuestions(this.#connection, asked)) question.destroySync();
      // It may end in a comment.
      await this.#connection.run(`COPY (${asked}\n) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`);
    });
  }

  #answer(result: DuckDBResult): Answer {
    const asked = <T>(work: () => Promise<T>): Promise<T> => this.#asked(work);
    const converter = this.#converter;
    async function* chunks(): AsyncGenerator<Value[][]> {
      for (;;) {
        const chunk = await asked(() => result.fetchChunk());
        if (chunk === null || chunk.rowCount === 0) return;
        yield chunk.convertRows(converter).map((row) => row.map(numeric));
      }
    }
    return { names: result.deduplicatedColumnNames(), chunks: chunks() };
  }

  /** Does what gives no rows, in SQL of ours. @throws Failure `query.refused`, `query.stopped`, `query.no-room`, `query.no-memory` */
  async run(sql: string): Promise<void> {
    await this.#asked(() => this.#connection.run(sql));
  }

  close(): void {
    this.#signal?.removeEventListener("abort", this.#interrupt);
    this.#connection.disconnectSync();
    this.#instance.closeSync();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #asked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#signal?.aborted) throw stopped();
    try {
      return await work();
    } catch (error) {
      if (this.#signal?.aborted) throw stopped();
      if (error instanceof Failure) throw error;
      throw noRoom(error) ?? refusedQuestion(error);
    }
  }
}

function numeric(value: Value): Value {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function settingsOf({ memoryBytes, threads }: WarehouseOptions, folder: string): Record<string, string> {
  const half = Math.min(MAX_MEMORY_BYTES, Math.max(MIN_MEMORY_BYTES, freemem() / 2));
  return {
    memory_limit: `${Math.floor((memoryBytes ?? half) / 2 ** 20)}MiB`,
    threads: String(threads ?? availableParallelism()),
    temp_directory: join(folder, "spill"),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  };
}

/** Makes the tables. @returns what was found on the way */
async function load(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  { keeps = false, only }: WarehouseOptions,
): Promise<Reading> {
  const withLines = files.filter(({ format }) => format === "events");
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
  const lines: Lines = { files: withLines };
  if (withLines.length > 0) {
    if (only !== undefined) {
      lines.table = "wanted_lines";
      const sql = wantedSql(withLines, only.wanted, only.newest);
      await connection.run(`CREATE TEMP TABLE ${lines.table} AS ${sql}`);
    }
    await connection.run(`CREATE TEMP TABLE line_keys AS ${keysSql(lines)}`);
    const counts = await one(
      connection,
      "SELECT count(kind) AS events, count(*) FILTER (kind IS NULL) AS bad FROM line_keys",
    );
    reading.events = Number(counts.events);
    reading.unreadable = Number(counts.bad);
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
  }
  const stored = [
    { view: EVENTS, fromLines: eventsSql(lines), columns: columnList(EVENTS) },
    { view: STEPS, fromLines: stepsSql(lines, names), columns: columnList(STEPS) },
  ];
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
    for (const { paths, options } of groups.filter((group) => group.view === view.name))
      parts.push(
        `SELECT ${columns} FROM (${empty} UNION ALL BY NAME SELECT * FROM read_parquet([${paths.map(literal).join(", ")}], ${options}))`,
      );
    const sql = parts.length === 0 ? empty : parts.join(" UNION ALL ");
    await connection.run(`CREATE VIEW ${view.name} AS ${sql}`);
  }
  const rowsOf = (name: string): number =>
    groups.filter(({ view }) => view === name).reduce((sum, { rows }) => sum + rows, 0);
  // The steps of a folder may stand alone.
  reading.events += Math.max(rowsOf(EVENTS.name), rowsOf(STEPS.name));
  if (reading.events === 0 && only === undefined)
    throw sourceFailure("sources.empty", "there are no events in what was named", "check the names");
  for (const { name, sql } of DERIVED) await connection.run(`CREATE VIEW ${name} AS ${sql}`);
  return reading;
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
  const order = `MAP {${files.map(({ path }, at) => `${literal(path)}: ${at}`).join(", ")}}[filename]`;
  const isCopy = `SELECT 1 FROM first_keys AS first WHERE first.run = line.run AND first.sequence = line.sequence AND`;
  const others = `SELECT ${columns} FROM (${sql}) AS line WHERE NOT EXISTS (${isCopy} (first.file < ${order} OR first.is_within))`;
  if (!hasWithin) return others;
  return `${others} UNION ALL SELECT * FROM (
      SELECT DISTINCT ON (run, sequence) ${columns} FROM (${sql}) AS line
      WHERE EXISTS (${isCopy} first.is_within AND first.file = ${order}) ORDER BY ALL
    )`;
}

async function one(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS()[0] ?? {};
}

/** From here on the database reads the files it was given, writes where it may, and can be told nothing else. */
async function lockUp(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  writable: readonly string[],
  folder: string,
): Promise<void> {
  const paths = files.map(({ path }) => literal(path)).join(", ");
  await connection.run(`SET allowed_paths = [${paths}]`);
  const folders = [...writable, folder].map(literal).join(", ");
  await connection.run(`SET allowed_directories = [${folders}]`);
  await connection.run("SET enable_external_access = false");
  await connection.run("SET lock_configuration = true");
}
