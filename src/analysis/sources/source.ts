import { Failure } from "../../base/error.ts";

export type SourceCode =
  /** A word names nothing that is there. */
  | "sources.missing"
  /** A file that was cut off or changed, which cannot be read in part. */
  | "sources.damaged"
  /** What was named holds no events. */
  | "sources.empty";

export function sourceFailure(code: SourceCode, message: string, hint: string): Failure<SourceCode> {
  return new Failure<SourceCode>(code, { message, hint });
}

/** What a file turned out to be, by its content. */
export type SourceKind =
  /** Events of this program, version 2. */
  | "journal"
  /** Events of openvalidator 0.1.0. */
  | "journal of version 1"
  /** Lines of a W&B history: of ours, or of openvalidators 1.x. */
  | "W&B rows"
  | "W&B record file"
  | "CSV"
  | "Parquet"
  /** The events, or the steps, of an export of ours. */
  | "exported CSV"
  | "exported JSON lines"
  /** A table that an export of ours made of those two. */
  | "derived table"
  /** As `events export --to duckdb` makes one; its views could be SQL of a stranger, so it is not opened. */
  | "database of DuckDB"
  | "unknown";

export type Compression = "none" | "zstd" | "gzip";

/** What a file is, and how its bytes are read. */
export interface Content {
  kind: SourceKind;
  compression: Compression;
}

/** A file that DuckDB reads. */
export interface EventFile {
  path: string;
  /** events: JSON lines of events of version 2, maybe with cut or damaged lines · parquet: as we export it. */
  format: "events" | "parquet";
  compression: Compression;
  /** What people know it by: the file that they named, or that lies in the folder they named. */
  source: string;
}

/** What was found in one file. */
export interface SourceReport {
  path: string;
  kind: SourceKind;
  /** null for files that DuckDB reads by itself and counts. */
  events: number | null;
  /** Lines, rows or records that are no events of a known form. */
  unreadable: number;
  /** One sentence where not all is well. */
  note: string | undefined;
}

/** Everything that the words of a user came to. */
export interface EventFiles {
  files: EventFile[];
  /** One for each file that was read, in order; files of folders that hold something else are left out. */
  reports: SourceReport[];
  /** Removes what was converted for this reading. */
  close(): void;
}

/** What is known of the run that rows belong to, from beside them. */
export interface RunFacts {
  /** Of the W&B run; undefined where rows come without one. */
  id: string | undefined;
  tags: readonly string[];
  config: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  createdAt: string | undefined;
}

/** One event as a line of the warehouse; null where an old form did not tell. */
export type EventLine = Record<string, unknown>;
