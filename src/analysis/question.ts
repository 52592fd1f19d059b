import type { DuckDBConnection, DuckDBPreparedStatement } from "@duckdb/node-api";
import { Failure, messageOf } from "../base/error.ts";
import { identifier } from "./views/view.ts";

export type WarehouseCode = "query.refused" | "query.stopped" | "query.no-room" | "query.no-memory";

/** Kinds of statements that DuckDB files under another one's name. */
const SPOKEN: Readonly<Record<string, string>> = {
  LOAD: "LOAD or INSTALL",
  SET: "SET or USE",
  CALL: "CALL or CHECKPOINT",
  TRANSACTION: "BEGIN, COMMIT or ROLLBACK",
  UPDATE_EXTENSIONS: "UPDATE EXTENSIONS",
};

/**
 * Makes the questions of strangers' SQL ready to run, one after another. They may only ask: DuckDB lets COPY write to every
 * file that a question may read, which would be the journal of a validator. Before the last, CREATE may make what is asked
 * of, in memory; PIVOT does so by itself.
 * @throws Failure `query.refused`, and what DuckDB says
 */
export async function* prepareQuestions(
  connection: DuckDBConnection,
  sql: string,
): AsyncGenerator<DuckDBPreparedStatement> {
  const { StatementType } = await import("@duckdb/node-api");
  const nameOf = (type: number): string => SPOKEN[StatementType[type]!] ?? StatementType[type]!;
  const statements = await connection.extractStatements(sql);
  for (let at = 0; at < statements.count; at++) {
    const statement = await statements.prepare(at);
    const isLast = at === statements.count - 1;
    if (statement.statementType === StatementType.SELECT) yield statement;
    else if (statement.statementType === StatementType.CREATE && !isLast) await statement.run();
    // EXPLAIN ANALYZE runs what it explains.
    else
      throw new Failure<WarehouseCode>("query.refused", {
        message: `the question cannot be answered: ${nameOf(statement.statementType)} does not ask for rows`,
        hint: "ask by SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE or SUMMARIZE; only CREATE may stand before it; --out writes the answer to a file",
      });
  }
}

/**
 * SUMMARIZE of numbers of which some are NaN, which the standard deviation refuses: they count as missing, as they do where
 * null was written for them. Any other question stays as it is.
 */
export async function withoutNaN(connection: DuckDBConnection, sql: string): Promise<string> {
  const [, asked] = /^\s*SUMMARIZE\s+(?:TABLE\s+)?([\s\S]+)$/i.exec(sql) ?? [];
  if (asked === undefined || (await connection.extractStatements(sql)).count !== 1) return sql;
  const from = /^(?:SELECT|FROM|WITH|VALUES)\b/i.test(asked) ? `(${asked}\n)` : asked;
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
  const finite = described
    .getRowObjectsJS()
    .filter(({ column_type: type }) => type === "DOUBLE" || type === "FLOAT")
    .map(({ column_name: name }) => identifier(String(name)))
    .map((name) => `CASE WHEN isfinite(${name}) THEN ${name} END AS ${name}`);
  const numbers = finite.length === 0 ? "" : ` REPLACE (${finite.join(", ")})`;
  // Within brackets it can be copied into a file, too.
  return `SELECT * FROM (SUMMARIZE SELECT *${numbers} FROM ${from})`;
}

/** DuckDB tells by its text alone that memory is short, or a disk: as the system does, or by its own bound on what it may put there. */
export function noRoom(cause: unknown): Failure<WarehouseCode> | undefined {
  const [what = ""] = messageOf(cause).split("\n");
  if (/No space left on device|max_temp_directory_size/.test(messageOf(cause)))
    return new Failure<WarehouseCode>("query.no-room", {
      message: `there is no room on the disk: ${what}`,
      hint: "make room on that disk; OPENVALIDATOR_CACHE names the folder for what memory does not hold",
      cause,
    });
  // What DuckDB advises then is settings, which a question cannot change.
  if (/^Out of Memory Error/.test(what))
    return new Failure<WarehouseCode>("query.no-memory", {
      message: `memory does not suffice for this: ${what}`,
      hint: "half of what is free is used, up to 2 GiB: make memory free, or ask for less at once (fewer columns, days or miners)",
      cause,
    });
  return undefined;
}

/** By what DuckDB says to brackets around what it understood without them. */
export function notOneQuestion(cause: unknown): Failure<WarehouseCode> | undefined {
  if (!messageOf(cause).includes("Parser Error")) return undefined;
  return new Failure<WarehouseCode>("query.refused", {
    message:
      "the question cannot be answered as Parquet: that takes one question, and no semicolon behind or before it",
    hint: "leave the others out, or ask with --format csv or json",
    cause,
  });
}

/** How DuckDB refuses what lies outside its own tables. */
const OUTSIDE = /^Permission Error: Cannot access (?:file|directory) "(.*)" - file system operations/;

const OUT_OF_RANGE = /\b(?:STDDEV|VAR|COVAR|CORR|REGR)\w* is out of range/i;

/** DuckDB tells in lines: what is wrong, what may be meant, where it stands. */
export function refusedQuestion(cause: unknown): Failure<WarehouseCode> {
  const [what = "", ...more] = messageOf(cause)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const at = more.findIndex((line) => /^LINE \d+: /.test(line));
  const outside = OUTSIDE.exec(what)?.[1];
  if (outside !== undefined)
    return new Failure<WarehouseCode>("query.refused", {
      message: `the question cannot be answered: it would read or write ${outside}, and a question reaches its tables alone`,
      hint: "name a file to ask as a source behind the question; --out writes the answer to a file",
      cause,
    });
  const [, start = "", line] = /^(LINE (\d+): )/.exec(more[at] ?? "") ?? [];
  const column = (more[at + 1]?.indexOf("^") ?? -1) - start.length + 1;
  const place = at >= 0 && column > 0 ? ` (line ${line}, character ${column})` : "";
  const meant = (at >= 0 ? more.slice(0, at) : more).join(" ");
  const hint = OUT_OF_RANGE.test(what)
    ? "numbers of which one is NaN have no such figure: leave those out with WHERE isfinite(column), or FILTER (isfinite(column))"
    : meant === ""
      ? "openvalidator query --list shows what can be asked"
      : // Words that are not ours stay as they are.
        `DuckDB says: ${meant}`;
  const said = what.replace(/^Failed to extract statements: /, "").replace(/!$/, "");
  return new Failure<WarehouseCode>("query.refused", {
    message: `the question cannot be answered: ${said}${place}`,
    hint,
    cause,
  });
}

/** How often what runs is interrupted anew. */
const INTERRUPT_EVERY_MS = 20;

/**
 * Interrupts whatever a connection does once the signal has come, again and again until it is let go: DuckDB forgets one
 * that comes between two statements, or before a statement has begun in its thread.
 * @returns lets it go
 */
export function interruptBy(signal: AbortSignal | undefined, connection: DuckDBConnection): () => void {
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    connection.interrupt();
    timer = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
  };
  if (signal?.aborted) begin();
  signal?.addEventListener("abort", begin);
  return () => {
    signal?.removeEventListener("abort", begin);
    clearInterval(timer);
  };
}

export function stopped(): Failure<WarehouseCode> {
  return new Failure<WarehouseCode>("query.stopped", {
    message: "stopped before it was done",
    hint: "the same command begins again",
  });
}
