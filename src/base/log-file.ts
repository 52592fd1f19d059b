import { closeSync, constants, fstatSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "./atomic.ts";

export interface LogFileOptions {
  path: string;
  /** A file that would grow past this is put aside first, bytes. */
  maxBytes: number;
  /** Files in all, the one that is written included; at least 1. */
  count: number;
}

/** Others may read neither hotkeys nor addresses out of it. */
const MODE = 0o600;
/** Somebody else may put the file aside too (logrotate, or a second process); that is looked at so often, milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** While a file cannot be written it is tried again so often, milliseconds. */
const RETRY_MS = 10_000;

/**
 * A log file that is put aside when it is full: `x.log`, before it `x.log.1`, before that `x.log.2`. A disk that cannot
 * be written ends neither the run nor the other log: lines are left out of the file until it can, and how many they were
 * is its next line.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  #fd: number | undefined;
  #bytes = 0;
  #lookedMs = 0;
  #lost = 0;
  #retryMs = 0;

  /** @throws what the operating system says of a file that cannot be opened */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#open();
  }

  /**
   * Never throws.
   * @param line with its end
   * @returns why this line is the first of some that cannot be written; undefined otherwise
   */
  write(line: string): unknown {
    const nowMs = performance.now();
    if (this.#lost > 0 && nowMs < this.#retryMs) {
      this.#lost++;
      return undefined;
    }
    try {
      this.#prepare(Buffer.byteLength(line), nowMs);
      if (this.#lost > 0) this.#append(`${this.#lost} lines before this one could not be written\n`);
      this.#lost = 0;
      this.#append(line);
      return undefined;
    } catch (error) {
      this.close();
      this.#retryMs = nowMs + RETRY_MS;
      return this.#lost++ === 0 ? error : undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Without O_NONBLOCK a named pipe in its place would block for ever.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
    const fd = openSync(path, flags, MODE);
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      closeSync(fd);
      throw Object.assign(new Error(`${path} is not a regular file`), { code: "ENOTDIR" });
    }
    this.#fd = fd;
    this.#bytes = stat.size;
  }

  #prepare(coming: number, nowMs: number): void {
    if (nowMs - this.#lookedMs > LOOK_EVERY_MS) {
      this.#lookedMs = nowMs;
      if (!this.#isInPlace()) this.close();
    }
    if (this.#fd === undefined) this.#open();
    if (this.#bytes > 0 && this.#bytes + coming > this.#options.maxBytes) this.#rotate();
  }

  /** Whether the path still leads to the open file. */
  #isInPlace(): boolean {
    if (this.#fd === undefined) return false;
    const there = statSync(this.#options.path, { throwIfNoEntry: false });
    const own = fstatSync(this.#fd);
    return there !== undefined && there.ino === own.ino && there.dev === own.dev;
  }

  #rotate(): void {
    const { path, count } = this.#options;
    // Where another process has put it aside already, its file is not to be put aside once more.
    const isOurs = this.#isInPlace();
    this.close();
    if (isOurs) {
      if (count === 1) rmSync(path);
      for (let number = count - 1; number >= 1; number--) {
        const from = number === 1 ? path : `${path}.${number - 1}`;
        if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${number}`);
      }
    }
    this.#open();
  }

  #append(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    writeWhole(this.#fd!, bytes);
    this.#bytes += bytes.length;
  }
}
