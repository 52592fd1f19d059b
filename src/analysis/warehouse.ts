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
import { type Laying, layTables, type Reading } from "./lay-tables.ts";
import {
  interruptBy,
  noRoom,
  notOneQuestion,
  prepareQuestions,
  refusedQuestion,
  stopped,
  withoutNaN,
} from "./question.ts";
import type { EventFile } from "./sources/source.ts";
import { literal } from "./views/view.ts";
import { workFolder } from "./work-folder.ts";

/** A database that takes more than this beside a validator takes it from the validator. */
const MAX_MEMORY_BYTES = 2 * 2 ** 30;
const MIN_MEMORY_BYTES = 256 * 2 ** 20;
/**
 * Of a table on disk, some hours of steps, the fewest that DuckDB takes: who asks for some time reads little more than that,
 * and each thread holds as many in memory, which are 300 MB where answers are long.
 */
const KEPT_GROUP_ROWS = 2048;
export interface WarehouseOptions extends Laying {
  /** Where the database puts what does not fit into memory; a folder of its own is made in it and removed. */
  temporary: string;
  memoryBytes?: number;
  threads?: number;
  /** Folders that a question may write to: none unless given. */
  writable?: readonly string[];
  signal?: AbortSignal | undefined;
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
  readonly #letGo: () => void;

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    converter: DuckDBValueConverter<JS>,
    folder: string,
    reading: Reading,
    signal: AbortSignal | undefined,
    letGo: () => void,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#converter = converter;
    this.#folder = folder;
    this.reading = reading;
    this.#signal = signal;
    this.#letGo = letGo;
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
      const letGo = interruptBy(options.signal, connection);
      try {
        if (options.keeps) {
          const file = (name: string): string => literal(join(folder, `${name}.duckdb`));
          await connection.run(`ATTACH ${file("kept")} AS kept (ROW_GROUP_SIZE ${KEPT_GROUP_ROWS})`);
          // What questions make of it are narrow tables, in groups of the usual size.
          await connection.run(`ATTACH ${file("made")} AS made`);
          await connection.run("USE made");
        }
        const reading = await layTables(connection, files, options, folder);
        // Lines that are kept are read from no file any more.
        const read =
          options.keeps || options.only ? files.filter(({ format }) => format === "parquet") : files;
        await lockUp(connection, read, options.writable ?? [], folder);
        if (options.signal?.aborted) throw stopped();
        return new Warehouse(
          instance,
          connection,
          JSDuckDBValueConverter,
          folder,
          reading,
          options.signal,
          letGo,
        );
      } catch (error) {
        letGo();
        connection.disconnectSync();
        instance.closeSync();
        throw options.signal?.aborted ? stopped() : error;
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
      const copy = `COPY (${asked}\n) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`;
      await this.#connection.run(copy).catch((cause: unknown) => {
        throw notOneQuestion(cause) ?? cause;
      });
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
    this.#letGo();
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
