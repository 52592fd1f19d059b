import { SQLiteError } from "bun:sqlite";
import { ZodError } from "zod";
import { Failure, messageOf } from "../../base/error.ts";

export type StateCode =
  | "state.corrupt"
  | "state.newer"
  | "state.foreign"
  | "state.full"
  | "state.unwritable"
  | "state.bad-number"
  | "state.exists"
  | "state.missing";

/** What SQLite says when the disk, its file system or its rights are at fault, and another attempt may succeed. */
const UNWRITABLE =
  /^SQLITE_(IOERR|READONLY|CANTOPEN|PERM|BUSY|LOCKED|PROTOCOL|NOLFS|AUTH|INTERRUPT|NOMEM)(_|$)/;

/**
 * The Failure that an error of SQLite stands for: `state.full` and `state.unwritable` may pass by themselves,
 * `state.corrupt` may not. Anything else is a fault of this program and stays as it is.
 */
export function stateFailure(error: unknown, path: string): unknown {
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  // A file that two programs share in memory takes its room beforehand, with an error of its own.
  if (/^SQLITE_(FULL|IOERR_SHMSIZE)/.test(code))
    return new Failure<StateCode>("state.full", {
      message: `The disk of ${path} is full: the state cannot be written`,
      hint: "free some space on it",
      retry: "soon",
      cause: error,
    });
  if (UNWRITABLE.test(code))
    return new Failure<StateCode>("state.unwritable", {
      message: `The state ${path} cannot be written: ${messageOf(error)}`,
      hint: "see that the disk works and that this user may write there",
      data: { code },
      retry: "soon",
      cause: error,
    });
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return corrupt(path, messageOf(error), error);
  return error;
}

export function corrupt(path: string, reason: string, cause?: unknown): Failure<StateCode> {
  return new Failure<StateCode>("state.corrupt", {
    message: `The state ${path} is damaged: ${reason}`,
    hint: "`openvalidator state reset` moves it aside; then put a backup in its place, or start without one",
    cause,
  });
}

/** Runs `work` with errors of SQLite as what an operator understands. */
export function orFailure<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw stateFailure(error, path);
  }
}

/**
 * As `orFailure`, for work that only reads: what is not in the form in which it was written is damage there.
 * @throws Failure `state.corrupt`
 */
export function orCorrupt<T>(path: string, work: () => T): T {
  return orFailure(path, () => {
    try {
      return work();
    } catch (error) {
      if (isUnreadable(error)) throw corrupt(path, messageOf(error), error);
      throw error;
    }
  });
}

/** A table or column that is not there, a text that is no JSON, a value of another kind. */
function isUnreadable(error: unknown): boolean {
  if (error instanceof SQLiteError) return error.code === "SQLITE_ERROR";
  return error instanceof SyntaxError || error instanceof ZodError;
}
