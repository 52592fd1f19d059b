import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { syncDirectory, writeFileAtomic } from "../base/atomic.ts";
import { log } from "../base/log.ts";
import type { AnyEvent } from "./schema.ts";

/** Characters that JSON leaves as they are and that some readers of lines take for the end of one. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

function oneLine(event: AnyEvent): string {
  return JSON.stringify(event).replace(
    LINE_ENDS,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The segment that is being written. */
export const ACTIVE_SEGMENT = "events.jsonl";
/** events-000001.jsonl.zst and so on: closed segments, oldest first by name. */
export const CLOSED_SEGMENT = /^events-(\d{6,})\.jsonl\.zst$/;

/** A closed segment is read whole by tools, so it stays this small; text of miners compresses about tenfold. */
const DEFAULT_SEGMENT_BYTES = 32 << 20;

export interface JournalOptions {
  /** Disk budget of all segments together, in bytes; the oldest segments go first. */
  budgetBytes: number;
  segmentBytes?: number;
}

/**
 * The only writer of a run's events: JSON lines, each appended in one write, so that a killed process leaves at most
 * one partial last line, which the next start cuts off. Rotated, compressed, and held within a disk budget.
 */
export class Journal {
  readonly #directory: string;
  readonly #budgetBytes: number;
  readonly #segmentBytes: number;
  #fd: number;
  #sizeBytes: number;

  private constructor(directory: string, options: JournalOptions, fd: number, sizeBytes: number) {
    this.#directory = directory;
    this.#budgetBytes = options.budgetBytes;
    this.#segmentBytes = Math.min(
      options.segmentBytes ?? DEFAULT_SEGMENT_BYTES,
      Math.max(1, options.budgetBytes / 2),
    );
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
  }

  /** Opens the journal of a folder, which is made when it is missing, and cuts off a partial last line. */
  static open(directory: string, options: JournalOptions): Journal {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const fd = openSync(join(directory, ACTIVE_SEGMENT), "a+", 0o600);
    const sizeBytes = cutPartialLine(fd);
    return new Journal(directory, options, fd, sizeBytes);
  }

  append(event: AnyEvent): void {
    const line = Buffer.from(`${oneLine(event)}\n`, "utf8");
    if (this.#sizeBytes > 0 && this.#sizeBytes + line.length > this.#segmentBytes) this.#rotate();
    for (let at = 0; at < line.length; ) at += writeSync(this.#fd, line, at);
    this.#sizeBytes += line.length;
  }

  close(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  /** The compressed segment is durable before the plain one is emptied, so a crash between the two repeats lines but loses none. */
  #rotate(): void {
    const closed = closedSegments(this.#directory);
    const last = closed.at(-1);
    const number = last === undefined ? 1 : Number(CLOSED_SEGMENT.exec(last)![1]) + 1;
    const name = `events-${String(number).padStart(6, "0")}.jsonl.zst`;
    const content = readFileSync(join(this.#directory, ACTIVE_SEGMENT));
    writeFileAtomic(join(this.#directory, name), Bun.zstdCompressSync(content));
    ftruncateSync(this.#fd, 0);
    fsyncSync(this.#fd);
    this.#sizeBytes = 0;
    this.#keepBudget();
  }

  #keepBudget(): void {
    const segments = closedSegments(this.#directory).map((name) => ({
      name,
      sizeBytes: statSync(join(this.#directory, name)).size,
    }));
    let total = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) + this.#segmentBytes;
    for (const segment of segments) {
      if (total <= this.#budgetBytes) return;
      rmSync(join(this.#directory, segment.name));
      total -= segment.sizeBytes;
      log.info("Dropped the oldest events to stay within the disk budget", { segment: segment.name });
    }
    syncDirectory(this.#directory);
  }
}

export function closedSegments(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => CLOSED_SEGMENT.test(name))
    .sort();
}

/** Returns the size after the cut. Looks backwards in pieces, for a last line may be long. */
function cutPartialLine(fd: number): number {
  const { size } = fstatSync(fd);
  const piece = Buffer.alloc(64 << 10);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - piece.length);
    const read = readSync(fd, piece, 0, end - start, start);
    const newline = piece.subarray(0, read).lastIndexOf(0x0a);
    if (newline >= 0) {
      const whole = start + newline + 1;
      if (whole < size) {
        ftruncateSync(fd, whole);
        log.warn("Cut a partial last event off the journal", { bytes: size - whole });
      }
      return whole;
    }
    end = start;
  }
  if (size > 0) ftruncateSync(fd, 0);
  return 0;
}
