import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { AsyncBuffer } from "hyparquet";
import { Failure } from "../base/error.ts";
import { type Feed, type PromptsCode, textOf } from "./feed.ts";
import { ParquetTexts } from "./parquet.ts";
import type { Random } from "./templates.ts";

const FORMATS = { ".txt": "txt", ".jsonl": "jsonl", ".parquet": "parquet" } as const;
export type Format = (typeof FORMATS)[keyof typeof FORMATS];

/** How much of a large file is read at a time, from a random place: about a hundred texts of the web. */
const WINDOW_BYTES = 2 ** 19;
/** A file up to this size is read whole and drawn from without repetition. */
const WHOLE_BYTES = 4 * 2 ** 20;
/** Full stops after which a running text is cut into passages: the longest base text has 30 sentences. */
const PASSAGE_FULL_STOPS = 30;
/** A folder may hold more files than this; the first ones by name are used. */
const MAX_FILES = 10_000;
/** Footers of Parquet files that are kept. */
const MAX_OPEN_FILES = 16;

interface LocalFile {
  path: string;
  format: Format;
  sizeBytes: number;
}

/**
 * Texts of a file or of all files of a folder (txt, jsonl, parquet), each file as often as its size says.
 *
 * jsonl: one object a line. txt: running prose, cut at line ends into passages of 30 full stops. Files larger than a
 * window are read a window at a time from a random place; a line longer than the window is passed over.
 */
export class LocalFeed implements Feed {
  readonly name: string;
  readonly #files: LocalFile[];
  readonly #column: string | undefined;
  readonly #random: Random;
  readonly #parquets = new Map<string, ParquetTexts>();

  private constructor(name: string, files: LocalFile[], column: string | undefined, random: Random) {
    this.name = name;
    this.#files = files;
    this.#column = column;
    this.#random = random;
  }

  /** @throws Failure `prompts.bad-source` when there is nothing of a known kind at the path */
  static open(path: string, column: string | undefined, random: Random): LocalFeed {
    const files = findFiles(path).filter(({ sizeBytes }) => sizeBytes > 0);
    if (files.length === 0)
      throw new Failure<PromptsCode>("prompts.bad-source", {
        message: `there is no .txt, .jsonl or .parquet file with content at ${path}`,
        hint: "name such a file, a folder of them, or hf:OWNER/NAME with --data.source",
      });
    return new LocalFeed(path, files, column, random);
  }

  /** One file of a known format whatever its name. */
  static ofFile(path: string, format: Format, random: Random): LocalFeed {
    const sizeBytes = Bun.file(path).size;
    return new LocalFeed(path, [{ path, format, sizeBytes }], undefined, random);
  }

  get isWhole(): boolean {
    const [only, ...others] = this.#files;
    return others.length === 0 && only!.format !== "parquet" && only!.sizeBytes <= WHOLE_BYTES;
  }

  async read(): Promise<unknown[]> {
    const file = this.#drawFile();
    if (file.format === "parquet") return await (await this.#openParquet(file)).read(this.#random);
    const lines = await this.#readWindow(file);
    return file.format === "txt"
      ? passages(lines)
      : lines.map((line) => textOf(parseJson(line), this.#column));
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

function findFiles(path: string): LocalFile[] {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return [];
  const paths = status.isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" })
        .sort()
        .map((name) => join(path, name))
    : [path];
  const files: LocalFile[] = [];
  for (const candidate of paths) {
    const format = FORMATS[extname(candidate).toLowerCase() as keyof typeof FORMATS];
    const found = format && statSync(candidate, { throwIfNoEntry: false });
    if (found?.isFile()) files.push({ path: candidate, format: format!, sizeBytes: found.size });
    if (files.length === MAX_FILES) break;
  }
  return files;
}

/** The value of a line of JSON; undefined for a line that is none (cut, empty, a comment). */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Running lines gathered into passages that end at a line end. */
function passages(lines: string[]): string[] {
  const found: string[] = [];
  let current: string[] = [];
  let stops = 0;
  for (const line of lines) {
    current.push(line);
    stops += line.split(".").length - 1;
    if (stops < PASSAGE_FULL_STOPS) continue;
    found.push(current.join("\n"));
    current = [];
    stops = 0;
  }
  if (current.length > 0) found.push(current.join("\n"));
  return found;
}
