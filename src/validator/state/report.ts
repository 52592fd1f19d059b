import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../base/error.ts";
import type { Identity } from "../../base/vocabulary.ts";
import { PARTS, type Part, type SavedState, type StoredReveal, type SubmissionRecord } from "./content.ts";
import { orCorrupt, orFailure, type StateCode } from "./failure.ts";
import { readSaved } from "./reading.ts";
import { readIdentity, requireKnown, STATE_FILE } from "./schema.ts";
import { SubmissionLog } from "./submissions.ts";

/** What a state holds, without the memories' numbers. */
export interface StateReport {
  path: string;
  identity: Identity;
  /** undefined when nothing was committed yet. */
  saved: Omit<SavedState, Part> | undefined;
  memories: { part: Part; table: string; rows: number; bytes: number }[];
  submissions: readonly SubmissionRecord[];
  reveals: readonly StoredReveal[];
  /** Of the file and its write-ahead log. */
  bytes: number;
}

/**
 * Looks at a state, also while a validator works with it.
 * @throws Failure `state.missing`, `state.newer`, `state.corrupt`, `state.unwritable`
 */
export function reportState(directory: string): StateReport {
  return withExisting(directory, (database, path) =>
    orCorrupt(path, () => ({
      path,
      identity: readIdentity(database, path),
      saved: readSaved(database, path),
      memories: memoriesOf(database),
      ...SubmissionLog.open(database, path).records,
      bytes: [path, `${path}-wal`].reduce(
        (sum, file) => sum + (existsSync(file) ? statSync(file).size : 0),
        0,
      ),
    })),
  );
}

/**
 * Opens a state that is there, works on one moment of it, and closes it.
 * @throws Failure `state.missing` and what `work` throws
 */
export function withExisting<T>(directory: string, work: (database: Database, path: string) => T): T {
  const path = join(directory, STATE_FILE);
  if (!existsSync(path)) throw missing(directory);
  return orFailure(path, () => {
    // Able to write, for the last one to close a database tidies its log away; nothing is written to the state.
    const database = new Database(path, { readwrite: true, strict: true });
    try {
      database.run("PRAGMA busy_timeout = 5000");
      if (requireKnown(database, path) === 0) throw missing(directory);
      return work(database, path);
    } finally {
      database.close();
    }
  });
}

function memoriesOf(database: Database): StateReport["memories"] {
  const tables = database
    .query<{ id: number; part: string; name: string }, []>(
      "SELECT id, part, name FROM row_tables ORDER BY part, name",
    )
    .all();
  return tables.flatMap(({ id, part, name }) => {
    const { rows, bytes } = database
      .query<{ rows: number; bytes: number | null }, []>(
        `SELECT count(*) AS rows, sum(length(numbers)) AS bytes FROM rows_${id}`,
      )
      .get()!;
    const known = PARTS.find((one) => one === part);
    return known === undefined ? [] : [{ part: known, table: name, rows, bytes: bytes ?? 0 }];
  });
}

export function missing(directory: string): Failure<StateCode> {
  return new Failure<StateCode>("state.missing", {
    message: `there is no state in ${directory}`,
    hint: "give the --wallet.*, --netuid, --neuron.name and --logging.logging_dir flags of the validator that wrote it",
  });
}
