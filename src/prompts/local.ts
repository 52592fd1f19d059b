import { readdirSync, type Stats, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { AsyncBuffer } from "hyparquet";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { TEXT_FORMATS, TEXT_FORMATS_SHOWN, type TextFormat } from "../config/text-formats.ts";
import { type LineRows, READINGS } from "./formats.ts";
import { ParquetTexts } from "./parquet.ts";
import type { Random } from "./templates.ts";
import type { Feed, PromptsCode } from "./text-feed.ts";

/** How much of a large file is read at a time, from a random place: about a hundred texts of the web. */
const WINDOW_BYTES = 2 ** 19;
/** A file up to this size is read whole and drawn from without repetition. */
const WHOLE_BYTES = 4 * 2 ** 20;
/** A folder may hold more files than this; the first ones by name are used. */
const MAX_FILES = 10_000;
/** Footers of Parquet files that are kept. */
const MAX_OPEN_FILES = 16;

/** Mark of a file inside the program, which stays what it is. */
const PACKAGED = "packaged";

interface LocalFile {
  path: string;
  format: TextFormat;
  sizeBytes: number;
  /** Another one means that the file was written or replaced. */
  mark: string;
}

/**
 * Texts of a file or of all files of a folder, each file as often as its size says.
 *
 * jsonl: one object a line. txt: running prose, cut at line ends into passages of 30 full stops. Files larger than a
 * window are read a window at a time from a random place; a line longer than the window is passed over. A file that
 * is replaced or written to is noticed at the next draw from it, and the folder is listed anew.
 */
export class LocalFeed implements Feed {
  readonly name: string;
  columns: readonly string[] = [];
  readonly #list: () => LocalFile[];
  readonly #column: string | undefined;
  readonly #random: Random;
  #files: LocalFile[];
  readonly #parquets = new Map<string, ParquetTexts>();

  private constructor(name: string, list: () => LocalFile[], column: string | undefined, random: Random) {
    this.name = name;
    this.#list = list;
    this.#column = column;
    this.#random = random;
    this.#files = list();
  }

  /** @throws Failure `prompts.bad-source` when there is nothing of a known kind at the path */
  static open(path: string, column: string | undefined, random: Random): LocalFeed {
    return new LocalFeed(path, () => findFiles(path), column, random);
  }

  /** One file of a known format whatever its name. */
  static ofFile(path: string, format: TextFormat, random: Random): LocalFeed {
    const sizeBytes = Bun.file(path).size;
    return new LocalFeed(path, () => [{ path, format, sizeBytes, mark: PACKAGED }], undefined, random);
  }

  get isWhole(): boolean {
    const [only, ...others] = this.#files;
    return others.length === 0 && READINGS[only!.format].by === "lines" && only!.sizeBytes <= WHOLE_BYTES;
  }

  version(): string {
    const [only, ...others] = this.#files;
    // Of many files only those that are drawn are looked at; a file that is away may be on its way back.
    const now = others.length > 0 ? undefined : statSync(only!.path, { throwIfNoEntry: false });
    return now === undefined || only!.mark === PACKAGED ? only!.mark : markOf(now);
  }

  async read(): Promise<unknown[]> {
    let file = this.#drawFile();
    if (this.#lookAt(file)) file = this.#drawFile();
    const reading = READINGS[file.format];
    if (reading.by === "table") {
      const opened = await this.#openParquet(file);
      this.columns = opened.columns;
      return await opened.read(this.#random);
    }
    const { texts, columns }: LineRows = reading.rows(await this.#readWindow(file), this.#column);
    this.columns = columns;
    return texts;
  }

  /** Lists the files anew when this one is not what it was; true when it did. */
  #lookAt(file: LocalFile): boolean {
    if (file.mark === PACKAGED) return false;
    const now = statSync(file.path, { throwIfNoEntry: false });
    if (now !== undefined && markOf(now) === file.mark) return false;
    this.#files = this.#list();
    this.#parquets.clear();
    log.info("A file of the dataset has changed; reading it anew", { dataset: this.name });
    return true;
  }

  /** A random file, in proportion to sizes. */
  #drawFile(): LocalFile {
    const total = this.#files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let left = this.#random() * total;
    for (const file of this.#files) {
      left -= file.sizeBytes;
      if (left < 0) return file;
    }
    return this.#files.at(-1)!;
  }

  /** Whole lines of a window of the file. */
  async #readWindow({ path, sizeBytes }: LocalFile): Promise<string[]> {
    const isWhole = sizeBytes <= WHOLE_BYTES;
    // Windows reach over both ends, so that the first and last lines are as likely as others.
    const at = isWhole ? 0 : Math.floor(this.#random() * (sizeBytes + WINDOW_BYTES)) - WINDOW_BYTES;
    const start = Math.max(0, at);
    const end = Math.min(sizeBytes, at + WINDOW_BYTES);
    const text = await Bun.file(path)
      .slice(start, isWhole ? sizeBytes : end)
      .text();
    const lines = text.split("\n");
    if (start > 0) lines.shift();
    if (!isWhole && end < sizeBytes) lines.pop();
    return lines;
  }

  async #openParquet({ path, sizeBytes }: LocalFile): Promise<ParquetTexts> {
    const known = this.#parquets.get(path);
    if (known) return known;
    const buffer: AsyncBuffer = {
      byteLength: sizeBytes,
      slice: (start, end) => Bun.file(path).slice(start, end).arrayBuffer(),
    };
    const opened = await ParquetTexts.open(buffer, path, this.#column);
    if (this.#parquets.size >= MAX_OPEN_FILES) this.#parquets.clear();
    this.#parquets.set(path, opened);
    return opened;
  }
}

/** @throws Failure `prompts.bad-source` when there is none */
function findFiles(path: string): LocalFile[] {
  const status = statSync(path, { throwIfNoEntry: false });
  const paths = status?.isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" })
        .sort()
        .map((name) => join(path, name))
    : [path];
  const files: LocalFile[] = [];
  for (const candidate of paths) {
    const format = TEXT_FORMATS.find((known) => extname(candidate).toLowerCase() === `.${known}`);
    const found = format && statSync(candidate, { throwIfNoEntry: false });
    if (found?.isFile() && found.size > 0)
      files.push({ path: candidate, format: format!, sizeBytes: found.size, mark: markOf(found) });
    if (files.length === MAX_FILES) break;
  }
  if (files.length > 0) return files;
  throw new Failure<PromptsCode>("prompts.bad-source", {
    message: `there is no ${TEXT_FORMATS_SHOWN} file with content at ${path}`,
    hint: "name such a file, a folder of them, or hf:OWNER/NAME with --data.source",
  });
}

function markOf({ size, mtimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ino}`;
}
