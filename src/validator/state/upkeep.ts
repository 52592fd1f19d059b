import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncDirectory } from "../../base/atomic.ts";
import { Failure, isFailure } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { LOCK_FILE } from "../../config/paths.ts";
import { orFailure, type StateCode } from "./failure.ts";
import { BIN_FILES } from "./import-bin.ts";
import { missing, withExisting } from "./report.ts";
import { STATE_FILE } from "./schema.ts";

/**
 * Copies one moment of the state to a new file, also while a validator works with it.
 * @throws Failure `state.exists` when the file is there already, `state.missing`, `state.corrupt`, `state.full`, `state.unwritable`
 */
export function backupState(directory: string, target: string): void {
  if (existsSync(target))
    throw new Failure<StateCode>("state.exists", {
      message: `${target} exists already; a backup overwrites nothing`,
      hint: "give another name",
    });
  withExisting(directory, (database) => {
    try {
      orFailure(target, () => database.query("VACUUM INTO ?").run(target));
      sync(target);
    } catch (error) {
      rmSync(target, { force: true });
      throw error;
    }
  });
  syncDirectory(dirname(target));
}

/**
 * Moves the state aside, so that the next run starts without one.
 * @returns where the files are now
 * @throws Failure `state.locked` while a validator works with it, `state.missing`
 */
export function resetState(directory: string, now: Date): string[] {
  const names = [`${STATE_FILE}-wal`, STATE_FILE, ...BIN_FILES];
  if (!names.some((name) => existsSync(join(directory, name)))) throw missing(directory);
  const unlock = lockFile(join(directory, LOCK_FILE));
  try {
    tidy(directory);
    const suffix = `.reset-${now.toISOString().replace(/[-:]|\.\d+/g, "")}`;
    const moved: string[] = [];
    // The log goes first: SQLite would read one that is left alone into the next file of this name.
    for (const name of names) {
      const path = join(directory, name);
      if (!existsSync(path)) continue;
      // SQLite looks for a log under the name of its file.
      const to = name === `${STATE_FILE}-wal` ? `${STATE_FILE}${suffix}-wal` : `${name}${suffix}`;
      renameSync(path, join(directory, to));
      moved.push(join(directory, to));
    }
    rmSync(join(directory, `${STATE_FILE}-shm`), { force: true });
    syncDirectory(directory);
    return moved;
  } finally {
    unlock();
  }
}

/** Carries what is in the log into the file, so that one file is the whole state; a damaged one stays as it is. */
function tidy(directory: string): void {
  try {
    withExisting(directory, (database) => database.query("PRAGMA wal_checkpoint(TRUNCATE)").get());
  } catch (error) {
    if (!isFailure(error)) throw error;
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
