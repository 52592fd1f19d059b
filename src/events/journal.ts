import * as fs from "node:fs";
import { join } from "node:path";
import { log } from "../base/log.ts";
import { Archive } from "./archive.ts";
import { lineOf } from "./line.ts";
import type { AnyEvent } from "./schema.ts";
import { ACTIVE_SEGMENT, closedSegments, plainName } from "./segments.ts";

/** A closed segment is read whole by tools, so it stays this small; text of miners compresses about tenfold. */
const DEFAULT_SEGMENT_BYTES = 32 << 20;
/** Steps in which the end of the file is searched for the last line feed. */
const PIECE_BYTES = 64 << 10;

/** What the journal asks of the file system; tests put in one that fails. */
export type JournalFiles = Pick<
  typeof fs,
  | "mkdirSync"
  | "openSync"
  | "statSync"
  | "fstatSync"
  | "readSync"
  | "ftruncateSync"
  | "renameSync"
  | "fsyncSync"
  | "closeSync"
> & { writeSync(fd: number, bytes: Uint8Array, offset: number): number };

export interface JournalOptions {
  /** Disk budget of all segments together, in bytes; the oldest segments go first. */
  budgetBytes: number;
  segmentBytes?: number;
  /** Free space for the sake of which the oldest segments go, bytes; none unless given. */
  keptFreeBytes?: number;
  files?: JournalFiles;
}

/** The open file, told from another of the same name. */
interface ActiveFile {
  fd: number;
  device: bigint;
  inode: bigint;
  /** Whole lines, bytes. */
  sizeBytes: number;
}

/**
 * The only writer of a run's events: JSON lines, each appended whole or not at all. A killed process leaves at most one
 * partial last line, which the next start cuts off. Rotated, compressed beside the event loop, and held within a disk
 * budget. A file that was moved, removed, replaced or shortened by hand is noticed before the next line.
 */
export class Journal {
  /** Folder of the segments. */
  readonly path: string;
  readonly #files: JournalFiles;
  readonly #segmentBytes: number;
  readonly #archive: Archive;
  #active: ActiveFile | undefined;
  #cannotRotate = false;

  /** Nothing is opened before the first line, so that a disk that is full now may have room by then. */
  constructor(directory: string, options: JournalOptions) {
    this.path = directory;
    this.#files = options.files ?? fs;
    this.#segmentBytes = Math.min(
      options.segmentBytes ?? DEFAULT_SEGMENT_BYTES,
      Math.max(1, options.budgetBytes / 4),
    );
    // Beside the closed segments: the one that is written, and a compressed one before its plain form is gone.
    this.#archive = new Archive(directory, {
      budgetBytes: options.budgetBytes - 2 * this.#segmentBytes,
      keptFreeBytes: options.keptFreeBytes ?? 0,
    });
  }

  /**
   * Opens the journal of a folder, which is made when it is missing, and cuts off a partial last line.
   * @throws the error of the file system
   */
  static open(directory: string, options: JournalOptions): Journal {
    const journal = new Journal(directory, options);
    journal.#current();
    return journal;
  }

  append(event: AnyEvent): void {
    this.write(lineOf(event));
  }

  /**
   * Appends one line, which ends in its only line feed.
   * @throws the error of the file system; nothing of the line stays then, and the next may be tried at any time.
   */
  write(line: Uint8Array): void {
    let active = this.#current();
    if (active.sizeBytes > 0 && active.sizeBytes + line.length > this.#segmentBytes) {
      this.#rotate();
      active = this.#current();
    }
    try {
      for (let at = 0; at < line.length; ) at += this.#files.writeSync(active.fd, line, at);
    } catch (error) {
      this.#cutBack(active);
      throw error;
    }
    active.sizeBytes += line.length;
  }

  /** Drops the oldest segments while the disk has less free than it should. */
  makeRoom(): void {
    this.#archive.tend();
  }

  /** When all closed segments are compressed, or cannot be. */
  settled(): Promise<void> {
    return this.#archive.settled();
  }

  /** Makes the lines durable and ends; waits for the segment that is being compressed, at most. */
  async close(): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    try {
      if (active) this.#files.fsyncSync(active.fd);
    } finally {
      if (active) this.#files.closeSync(active.fd);
      await this.#archive.stop();
    }
  }

  /** The file under the journal's name, opened anew where it is not the one that was written to. */
  #current(): ActiveFile {
    const active = this.#active;
    if (active === undefined) return this.#open();
    const path = join(this.path, ACTIVE_SEGMENT);
    const found = this.#files.statSync(path, { bigint: true, throwIfNoEntry: false });
    if (found?.ino !== active.inode || found.dev !== active.device) {
      log.warn("The journal was moved or removed by another program; events go to a new file", { path });
      this.#active = undefined;
      this.#files.closeSync(active.fd);
      return this.#open();
    }
    if (Number(found.size) !== active.sizeBytes) {
      if (Number(found.size) < active.sizeBytes)
        log.warn("The journal was shortened by another program", {
          path,
          bytes: active.sizeBytes - Number(found.size),
        });
      active.sizeBytes = this.#cutPartialLine(active.fd);
    }
    return active;
  }

  #open(): ActiveFile {
    this.#files.mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const fd = this.#files.openSync(join(this.path, ACTIVE_SEGMENT), "a+", 0o600);
    try {
      const sizeBytes = this.#cutPartialLine(fd);
      const { dev: device, ino: inode } = this.#files.fstatSync(fd, { bigint: true });
      this.#active = { fd, device, inode, sizeBytes };
    } catch (error) {
      this.#files.closeSync(fd);
      throw error;
    }
    this.#archive.recover();
    return this.#active!;
  }

  /** Renaming keeps every line where a reader finds it, whenever the process dies. */
  #rotate(): void {
    const active = this.#active!;
    const number = (closedSegments(this.path).at(-1)?.number ?? 0) + 1;
    try {
      this.#files.renameSync(join(this.path, ACTIVE_SEGMENT), join(this.path, plainName(number)));
      this.#cannotRotate = false;
    } catch (error) {
      // Without rotation the file only grows; the lines matter more.
      if (!this.#cannotRotate)
        log.warn("The journal could not be rotated and grows on", { path: this.path, error });
      this.#cannotRotate = true;
      return;
    }
    this.#active = undefined;
    this.#files.closeSync(active.fd);
    this.#open();
    this.#archive.tend();
  }

  /** After a line that went in only in part: a full disk takes some bytes and refuses the rest. */
  #cutBack({ fd, sizeBytes }: ActiveFile): void {
    try {
      this.#files.ftruncateSync(fd, sizeBytes);
    } catch (error) {
      // The size differs from what is known then, so the next line looks for the end of the last whole one.
      log.debug("A partial event could not be cut off yet", { path: this.path, error });
    }
  }

  /** Returns the size after the cut. Looks backwards in pieces, for a last line may be long. */
  #cutPartialLine(fd: number): number {
    const { size } = this.#files.fstatSync(fd);
    const whole = this.#endOfLastLine(fd, size);
    if (whole < size) {
      this.#files.ftruncateSync(fd, whole);
      log.warn("Cut a partial last event off the journal", { bytes: size - whole });
    }
    return whole;
  }

  #endOfLastLine(fd: number, size: number): number {
    const piece = Buffer.alloc(Math.min(size, PIECE_BYTES));
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - piece.length);
      const read = this.#files.readSync(fd, piece, 0, end - start, start);
      const newline = piece.subarray(0, read).lastIndexOf(0x0a);
      if (newline >= 0) return start + newline + 1;
      end = start;
    }
    return 0;
  }
}
