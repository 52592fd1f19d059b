import type { Database } from "bun:sqlite";
import { Failure } from "../../base/error.ts";
import type { Identity } from "../../base/vocabulary.ts";
import { corrupt, type StateCode } from "./failure.ts";

/** Version 1 was `state.bin` of 0.1.0 (import-bin.ts). Golden files of all versions stay readable. */
export const STATE_VERSION = 4;
const FIRST_VERSION = 2;
export const STATE_FILE = "state.sqlite";
/** "ovst": marks the file as a state of this program, for file(1) and for us. */
const APPLICATION_ID = 0x6f_76_73_74;

/**
 * What makes a file of a version from the one before. A table that changes at every step is narrow, so that a step
 * touches few pages: that is why the hotkeys stand apart from the scores.
 * - `meta` name → value: genesis, netuid, hotkey, created (ISO time), imported (hash of the imported file); and what every step writes:
 *   steps, counted_steps, blocks, judge and router (JSON)
 * - `neurons`, `scores`: one row per uid; `registered_at` is a block, null where it is unknown
 * - `row_tables`: names of the tables of rows of a part; their rows lie in `rows_<id>` (rows.ts)
 * - `submissions`, `reveals`: the write-ahead record of weights (submissions.ts), arrays as JSON;
 *   `nonce` of the extrinsic since version 3, `mecid`, the subnet's mechanism, since version 4
 */
const MIGRATIONS: Readonly<Record<number, readonly string[]>> = {
  2: [
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE neurons (uid INTEGER PRIMARY KEY, hotkey TEXT NOT NULL, registered_at INTEGER)",
    "CREATE TABLE scores (uid INTEGER PRIMARY KEY, score REAL NOT NULL, asked INTEGER NOT NULL)",
    "CREATE TABLE row_tables (id INTEGER PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (part, name))",
    `CREATE TABLE submissions (id TEXT PRIMARY KEY, block INTEGER NOT NULL, path TEXT NOT NULL, uids TEXT NOT NULL,
       "values" TEXT NOT NULL, state TEXT NOT NULL, extrinsic TEXT, error TEXT)`,
    `CREATE TABLE reveals (id TEXT PRIMARY KEY, committed INTEGER NOT NULL, reveal_round INTEGER, reveal_block INTEGER NOT NULL,
       uid INTEGER NOT NULL, uids TEXT NOT NULL, "values" TEXT NOT NULL)`,
  ],
  3: ["ALTER TABLE submissions ADD COLUMN nonce INTEGER"],
  4: ["submissions", "reveals"].map(
    (table) => `ALTER TABLE ${table} ADD COLUMN mecid INTEGER NOT NULL DEFAULT 0`,
  ),
};

/**
 * @returns the version of the file, 0 when it has no content yet
 * @throws Failure `state.newer`
 */
export function requireKnown(database: Database, path: string): number {
  const version = database.query<{ user_version: number }, []>("PRAGMA user_version").get()!.user_version;
  if (version <= STATE_VERSION) return version;
  throw new Failure<StateCode>("state.newer", {
    message: `${path} was written by a newer openvalidator (state version ${version}, this one knows ${STATE_VERSION})`,
    hint: "run the newer version, or move this state aside with `openvalidator state reset`",
  });
}

/**
 * Brings a file to the version of this program. Runs inside the transaction of the caller, so that a file is of one
 * version or of another at every moment.
 * @returns the version before, 0 for a new file
 * @throws Failure `state.newer`
 */
export function migrate(database: Database, path: string): number {
  const before = requireKnown(database, path);
  if (before === STATE_VERSION) return before;
  for (let version = Math.max(FIRST_VERSION, before + 1); version <= STATE_VERSION; version++)
    for (const statement of MIGRATIONS[version]!) database.run(statement);
  database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.run(`PRAGMA user_version = ${STATE_VERSION}`);
  return before;
}

/** Writes down whose state a new file is. */
export function bind(database: Database, identity: Identity): void {
  writeMeta(database, { ...identity, created: new Date().toISOString() });
}

export function writeMeta(database: Database, values: Readonly<Record<string, string | number>>): void {
  const write = database.query("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)");
  for (const [name, value] of Object.entries(values)) write.run(name, value);
}

export function readMeta(database: Database): Map<string, unknown> {
  const rows = database.query<{ name: string; value: unknown }, []>("SELECT name, value FROM meta").all();
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/** Whose state it is. @throws Failure `state.corrupt` */
export function readIdentity(database: Database, path: string): Identity {
  const meta = readMeta(database);
  const [genesis, netuid, hotkey] = [meta.get("genesis"), meta.get("netuid"), meta.get("hotkey")];
  if (typeof genesis !== "string" || typeof netuid !== "number" || typeof hotkey !== "string")
    throw corrupt(path, "it does not say whose state it is");
  return { genesis, netuid, hotkey };
}

/** @throws Failure `state.foreign` */
export function requireIdentity(bound: Identity, identity: Identity, path: string): void {
  for (const key of ["genesis", "netuid", "hotkey"] as const) {
    if (bound[key] === identity[key]) continue;
    throw new Failure<StateCode>("state.foreign", {
      message: `${path} belongs to another ${key} (${bound[key]}, this is ${identity[key]})`,
      hint: "give this validator another --neuron.name or --logging.logging_dir, or move this state aside: `openvalidator state reset` with the flags that name it",
    });
  }
}
