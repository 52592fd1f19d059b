import * as fs from "node:fs";
import { basename, join } from "node:path";
import { writeFileAtomic, writeWhole } from "../base/atomic.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { ArtifactSpool } from "./artifact-spool.ts";
import { parseRow, type Row, summaryOf, textOfPlain, toPlain } from "./row.ts";
import { linesFrom, PIECE_BYTES, type StreamState, scan } from "./spool-lines.ts";
import { metaPath, type SpoolMeta, spoolMeta } from "./spool-meta.ts";

/** Rows of the history, and system metrics. */
export type Stream = "history" | "events";
const STREAMS: readonly Stream[] = ["history", "events"];

/** Limit of the server for a line is 10 MiB less 100 KiB; texts are left out of a row that is longer. */
const MAX_LINE_BYTES = 9 << 20;

/**
 * One W&B run on disk: `meta.json`, `history.jsonl`, `events.jsonl`, `artifacts/`. The number of a row's line is its step
 * and its offset at the server. A killed process leaves at most a partial last line, which opening cuts off.
 */
export class RunSpool {
  readonly directory: string;
  readonly artifacts: ArtifactSpool;
  #meta: SpoolMeta;
  readonly #streams: Record<Stream, StreamState>;
  #next: number;
  #summary: Row = {};

  private constructor(directory: string, meta: SpoolMeta, streams: Record<Stream, StreamState>) {
    this.directory = directory;
    this.artifacts = new ArtifactSpool(join(directory, "artifacts"));
    this.#meta = meta;
    this.#streams = streams;
    this.#next = meta.sealed?.next ?? meta.first;
  }

  /** @throws the error of the file system; no folder stays then */
  static create(
    directory: string,
    meta: Omit<SpoolMeta, "version" | "sealed" | "summary" | "delivered">,
  ): RunSpool {
    const none = (): StreamState => ({ lines: 0, sizeBytes: 0, unsentAt: 0 });
    const spool = new RunSpool(
      directory,
      {
        version: 1,
        ...meta,
        sealed: null,
        delivered: { at: null, history: 0, events: 0, complete: false, stopped: false },
      },
      { history: none(), events: none() },
    );
    try {
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
      spool.#save();
    } catch (error) {
      fs.rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    return spool;
  }

  /** @throws when the folder holds no run of a known form */
  static open(directory: string): RunSpool {
    const meta = spoolMeta.parse(JSON.parse(fs.readFileSync(metaPath(directory), "utf8")));
    const streams = Object.fromEntries(
      STREAMS.map((stream) => [stream, scan(join(directory, `${stream}.jsonl`), meta.delivered[stream])]),
    ) as Record<Stream, StreamState>;
    const spool = new RunSpool(directory, meta, streams);
    if (meta.summary !== undefined) spool.#summary = parseRow(meta.summary) as Row;
    else spool.#readLastRows();
    return spool;
  }

  get meta(): Readonly<SpoolMeta> {
    return this.#meta;
  }

  get name(): string {
    return basename(this.directory);
  }

  /** Sequence number of the event whose row comes next. */
  get next(): number {
    return this.#next;
  }

  lines(stream: Stream): number {
    return this.#streams[stream].lines;
  }

  /** Bytes on disk that no server has confirmed. */
  get unsentBytes(): number {
    return STREAMS.reduce((sum, stream) => sum + this.#unsent(stream), this.artifacts.sizeBytes);
  }

  /** Nothing of it waits for the server any more. */
  get isDelivered(): boolean {
    return this.#meta.delivered.complete && this.artifacts.first === undefined;
  }

  get unsentRows(): number {
    return this.lines("history") - this.#meta.delivered.history;
  }

  /** The last values, as text for `wandb-summary.json`; undefined before the first row. */
  get summary(): string | undefined {
    return Object.keys(this.#summary).length === 0 ? undefined : textOfPlain(this.#summary);
  }

  /**
   * Appends the row of an event, which must come after those that are there.
   * @param row may have passed through JSON (`toPlain`)
   * @throws the error of the file system; nothing of the row stays then
   */
  append(row: Row): void {
    const sequence = Number(row.sequence);
    if (!(sequence >= this.#next) || this.#meta.sealed !== null)
      throw new Error(`row ${sequence} does not belong behind row ${this.#next - 1} of ${this.name}`);
    const seconds = Date.parse(String(row.time)) / 1000;
    const stamped = {
      ...row,
      _step: this.lines("history"),
      _timestamp: seconds,
      _runtime: Math.max(0, seconds - Date.parse(this.#meta.startedAt) / 1000),
    };
    const plain = toPlain(stamped) as Row;
    let text = textOfPlain(plain);
    if (Buffer.byteLength(text) > MAX_LINE_BYTES) text = textOfPlain({ ...summaryOf(plain), too_long: true });
    this.#write("history", text);
    this.#next = sequence + 1;
    Object.assign(this.#summary, summaryOf(plain));
  }

  /** @throws the error of the file system */
  appendMetrics(row: Row): void {
    this.#write("events", textOfPlain(toPlain(row)));
  }

  /** No row comes any more. @throws the error of the file system; the run is open as before then */
  seal(exitCode: number): void {
    if (this.#meta.sealed !== null) return;
    const before = this.#meta;
    const { summary } = this;
    this.#meta = {
      ...before,
      sealed: { exitCode, next: this.#next },
      ...(summary !== undefined && { summary }),
    };
    try {
      this.#save();
    } catch (error) {
      this.#meta = before;
      throw error;
    }
  }

  /** All rows of a stream, as texts. @throws the error of the file system */
  *rows(stream: Stream): Generator<string> {
    const path = join(this.directory, `${stream}.jsonl`);
    for (const line of linesFrom(path, 0, Number.POSITIVE_INFINITY)) yield line.toString("utf8");
  }

  /**
   * Lines that the server has not confirmed, each as a text of JSON with its quotes, as many as fit.
   * @param maxBytes of the result; one line is given whatever its length
   */
  unsentLines(stream: Stream, maxBytes: number): { quoted: string[]; sizeBytes: number } {
    const { unsentAt } = this.#streams[stream];
    const quoted: string[] = [];
    let used = 0;
    let sizeBytes = 0;
    const path = join(this.directory, `${stream}.jsonl`);
    for (const line of linesFrom(path, unsentAt, maxBytes)) {
      const text = JSON.stringify(line.toString("utf8"));
      const length = Buffer.byteLength(text) + 1;
      if (quoted.length > 0 && used + length > maxBytes) break;
      quoted.push(text);
      used += length;
      sizeBytes += line.length + 1;
    }
    return { quoted, sizeBytes };
  }

  /** The server has these lines now. */
  confirm(stream: Stream, lines: number, sizeBytes: number): void {
    this.#streams[stream].unsentAt += sizeBytes;
    this.#meta.delivered[stream] += lines;
    this.#note();
  }

  /** The server says how many lines of the history it has, which is where the next one goes. */
  reconcile(lines: number): void {
    if (lines === this.#meta.delivered.history || lines > this.lines("history")) return;
    this.#meta.delivered.history = lines;
    this.#streams.history.unsentAt = scan(join(this.directory, "history.jsonl"), lines).unsentAt;
    this.#note();
  }

  known(at: { entity: string; project: string }): void {
    this.#meta.delivered.at = at;
    this.#note();
  }

  /** Somebody wants no more of it on the server. */
  stopped(): void {
    this.#meta.delivered.stopped = true;
    this.#note();
  }

  /**
   * All rows are delivered: what is left of it is a note, and artifacts that wait.
   * @throws the error of the file system; the rows are there then
   */
  complete(): void {
    this.#meta.delivered.complete = true;
    try {
      this.#save();
    } catch (error) {
      this.#meta.delivered.complete = false;
      throw error;
    }
    for (const stream of STREAMS) fs.rmSync(join(this.directory, `${stream}.jsonl`), { force: true });
  }

  #unsent(stream: Stream): number {
    if (this.#meta.delivered.complete) return 0;
    return this.#streams[stream].sizeBytes - this.#streams[stream].unsentAt;
  }

  #write(stream: Stream, text: string): void {
    const state = this.#streams[stream];
    const bytes = Buffer.from(`${text}\n`, "utf8");
    const fd = fs.openSync(join(this.directory, `${stream}.jsonl`), "a", 0o600);
    try {
      try {
        writeWhole(fd, bytes);
      } catch (error) {
        fs.ftruncateSync(fd, state.sizeBytes); // a full disk takes some bytes and refuses the rest
        throw error;
      }
    } finally {
      fs.closeSync(fd);
    }
    state.sizeBytes += bytes.length;
    state.lines++;
  }

  /** Where an interrupted run goes on, and its last values: of the last row and of those of the last megabyte. */
  #readLastRows(): void {
    const { history } = this.#streams;
    if (history.lines === 0) return;
    const fd = fs.openSync(join(this.directory, "history.jsonl"), "r");
    try {
      const length = Math.min(history.sizeBytes, MAX_LINE_BYTES + PIECE_BYTES);
      const end = Buffer.alloc(length);
      fs.readSync(fd, end, 0, length, history.sizeBytes - length);
      const last = end.subarray(0, -1).lastIndexOf(0x0a) + 1;
      const first = length <= PIECE_BYTES ? 0 : Math.min(last, end.indexOf(0x0a, length - PIECE_BYTES) + 1);
      for (const text of end.subarray(first, -1).toString("utf8").split("\n")) {
        const row = parseRow(text) as Row;
        if (this.#meta.sealed === null) this.#next = Number(row.sequence) + 1;
        Object.assign(this.#summary, summaryOf(row));
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Keeps what the server has; a full disk takes it later, and the server tells it again after a crash. */
  #note(): void {
    try {
      this.#save();
    } catch (error) {
      log.debug("What W&B has of a run is not noted", { run: this.#meta.id, reason: messageOf(error) });
    }
  }

  #save(): void {
    writeFileAtomic(metaPath(this.directory), `${JSON.stringify(this.#meta)}\n`);
  }
}
