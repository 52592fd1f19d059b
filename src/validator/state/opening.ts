import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { Failure, messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { Identity } from "../../base/vocabulary.ts";
import { corrupt, orCorrupt, type StateCode } from "./failure.ts";
import { binDigest, type ImportedBin, readBin, retireBin } from "./import-bin.ts";
import { bind, migrate, readIdentity, readMeta, requireIdentity, requireKnown } from "./schema.ts";

/** Five rows of 768 bytes, the history's vectors of 384 half floats, fill a page of this size. */
const PAGE_BYTES = 4096;
/**
 * Pages in the write-ahead log before they are carried into the file, within a commit: 1 MB, some 20 steps. Few enough to
 * take a few milliseconds, and enough that pages which every step writes are carried over once for all of them.
 */
const CHECKPOINT_PAGES = 256;
/** A log that grew meanwhile, while a backup read, is cut back to this. */
const WAL_LIMIT_BYTES = 4 << 20;
/** Only a backup or a `state show` can be in the way, for moments; the event loop must not wait for longer. */
const BUSY_MS = 50;

/**
 * Opens the file of this very validator, made anew where there is none.
 * @returns with the state of 0.1.0 that lies beside and is still to be taken over
 * @throws Failure, or an error of SQLite
 */
export function openFile(
  directory: string,
  path: string,
  identity: Identity,
): { database: Database; bin: ImportedBin | undefined } {
  makeFile(directory, path);
  const database = new Database(path, { readwrite: true, strict: true });
  try {
    const isNew = requireKnown(database, path) === 0;
    // Read before the file is bound: a state of 0.1.0 of another validator must not leave one that is bound to this one.
    const inNew = isNew ? readBin(directory, identity) : undefined;
    if (isNew) database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    configure(database, path);
    database
      .transaction(() => {
        if (migrate(database, path) === 0) bind(database, identity);
      })
      .immediate();
    requireSound(database, path);
    requireIdentity(
      orCorrupt(path, () => readIdentity(database, path)),
      identity,
      path,
    );
    return { database, bin: inNew ?? binBeside(database, directory, identity) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A file of 0.1.0 beside one that is made already: a run that ended between, or a step back to 0.1.0 meanwhile. */
function binBeside(database: Database, directory: string, identity: Identity): ImportedBin | undefined {
  const digest = binDigest(directory);
  if (digest === undefined) return undefined;
  const meta = readMeta(database);
  if (!meta.has("steps")) return readBin(directory, identity);
  if (meta.get("imported") === digest) retireBin(directory);
  else
    log.warn("A state.bin of 0.1.0 lies beside the state and is not read", {
      directory,
      hint: "move it away; to import it in place of the state, `openvalidator state reset` first and put it back",
    });
  return undefined;
}

/** An empty file that only this user can read; SQLite gives its log the same rights. */
function makeFile(directory: string, path: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    throw new Failure<StateCode>("state.unwritable", {
      message: `The state ${path} cannot be opened for writing: ${messageOf(cause)}`,
      hint: "choose another folder with --logging.logging_dir, or give this user the right to write there",
      cause,
    });
  }
}

function configure(database: Database, path: string): void {
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
  const { journal_mode: mode } = database
    .query<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL")
    .get()!;
  // As safe, only slower; a file system without shared memory has no write-ahead log.
  if (mode !== "wal") log.warn("The state is kept without a write-ahead log", { path, mode });
  database.run("PRAGMA synchronous = FULL");
  database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.run(`PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`);
}

/** Reads every page; some ten milliseconds for a full history. @throws Failure `state.corrupt` */
function requireSound(database: Database, path: string): void {
  const found = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
  if (found?.quick_check !== "ok") throw corrupt(path, found?.quick_check ?? "it cannot be checked");
}
