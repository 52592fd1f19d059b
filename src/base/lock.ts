import { dlopen, FFIType } from "bun:ffi";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, messageOf } from "./error.ts";
import { log } from "./log.ts";

export type LockCode = "state.locked" | "state.unwritable";

/** flock(2): shared, exclusive, do not wait. Same numbers on Linux and macOS. */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes an exclusive lock on a file. The kernel gives it back when the process ends, however it ends, so there is no
 * stale lock to clean up.
 * @returns a function that gives the lock back.
 * @throws Failure `state.locked` when another process holds it, `state.unwritable` when it cannot be made.
 */
export function lockFile(path: string): () => void {
  const fd = openLock(path);
  if (!tryLock(fd, LOCK_EX)) {
    const holder = readFileSync(path, "utf8").trim();
    closeSync(fd);
    throw new Failure<LockCode>("state.locked", {
      message: `Another openvalidator${holder ? ` (process ${holder})` : ""} already works with this wallet, subnet and name`,
      hint: "stop it first, or give this one another --neuron.name",
      data: { path },
    });
  }
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    // The number is for the message above; a full disk does not take the lock away.
    log.debug("The lock does not say who holds it", { path, error });
  }
  return () => closeSync(fd);
}

/**
 * Takes an exclusive lock on a folder itself, which leaves no file in it.
 * @returns a function that gives the lock back; undefined when another process holds it
 * @throws the error of the file system
 */
export function lockFolder(path: string): (() => void) | undefined {
  const fd = openSync(path, "r");
  if (tryLock(fd, LOCK_EX)) return () => closeSync(fd);
  closeSync(fd);
  return undefined;
}

/**
 * Whether some process holds the lock, which is left as it is; a file that is missing is not made.
 * @returns what the holder wrote of itself, its process id; undefined when nobody holds it
 * @throws the error of the file system
 */
export function lockHolder(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, "r");
  try {
    // Shared, so that two who look do not take each other for the holder.
    return tryLock(fd, LOCK_SH) ? undefined : readFileSync(path, "utf8").trim();
  } finally {
    closeSync(fd);
  }
}

function tryLock(fd: number, kind: number): boolean {
  const library = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  const taken = library.symbols.flock(fd, kind | LOCK_NB) === 0;
  library.close();
  return taken;
}

function openLock(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, "a+", 0o600);
  } catch (cause) {
    throw new Failure<LockCode>("state.unwritable", {
      message: `The state folder ${dirname(path)} cannot be written: ${messageOf(cause)}`,
      hint: "choose another folder with --logging.logging_dir, or give this user the right to write there",
      cause,
    });
  }
}
