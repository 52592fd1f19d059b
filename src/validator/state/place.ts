import { type BigIntStats, statSync } from "node:fs";
import { Failure } from "../../base/error.ts";
import type { StateCode } from "./failure.ts";

/**
 * A file that is open, told from another of its name. SQLite writes on to one that was moved away, removed or replaced,
 * and never says so; nobody would read it again.
 */
export class FilePlace {
  readonly #path: string;
  readonly #opened: BigIntStats | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#opened = statSync(path, { bigint: true, throwIfNoEntry: false });
  }

  /** @throws Failure `state.unwritable` when the file is not in its place any more */
  require(): void {
    const found = this.#found();
    if (found === "unknown" || (found?.ino === this.#opened?.ino && found?.dev === this.#opened?.dev)) return;
    throw new Failure<StateCode>("state.unwritable", {
      message: `The state ${this.#path} was moved, removed or replaced by another program while this validator works with it`,
      hint: "put it back; a backup is put in its place while the validator is stopped",
      retry: "soon",
    });
  }

  /** The open file can be written also where its folder was closed to this user. */
  #found(): BigIntStats | "unknown" | undefined {
    try {
      return statSync(this.#path, { bigint: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ENOENT" || code === "ENOTDIR" ? undefined : "unknown";
    }
  }
}
