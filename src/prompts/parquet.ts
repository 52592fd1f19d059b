import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { textOf } from "./cell.ts";
import type { Random } from "./templates.ts";
import type { PromptsCode } from "./text-feed.ts";

/** How much of a file one read may bring into memory. */
export interface ParquetLimits {
  compressedBytes: number;
  plainBytes: number;
}

/**
 * A row group up to this size is read whole for one column. The hub's own conversion writes 1000 rows a group, a few
 * MB of text; of a larger group a part is read.
 */
const LIMITS: ParquetLimits = { compressedBytes: 64 * 2 ** 20, plainBytes: 256 * 2 ** 20 };
/** Of a large group so much is read: texts differ in length, and pages are read whole. */
const PART_OF_LIMIT = 1 / 8;

/** Rows of one group that may be read: all of it, a part from anywhere in it, or its beginning. */
interface Group {
  rowStart: number;
  rows: number;
  /** Most rows in one read. */
  rowsAtOnce: number;
  /** An index of pages lets a part be read from anywhere. */
  hasIndex: boolean;
}

/** The text column of one Parquet file, read a random row group, or a part of one, at a time. */
export class ParquetTexts {
  /** Columns that have text somewhere. */
  readonly columns: readonly string[];
  readonly #name: string;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #column: string;
  readonly #groups: readonly Group[];

  private constructor(
    name: string,
    file: AsyncBuffer,
    metadata: FileMetaData,
    columns: readonly string[],
    column: string,
    groups: readonly Group[],
  ) {
    this.#name = name;
    this.#file = file;
    this.#metadata = metadata;
    this.columns = columns;
    this.#column = column;
    this.#groups = groups;
  }

  /**
   * Reads the file's footer.
   * @param column name of the column, with a dot before each part of it (`translation.en`); left out: `text`, else the
   * column that holds most bytes of text, lists and structs included
   * @throws Failure `prompts.bad-source` when it is no Parquet file, has no such column, or no group can be read in part
   */
  static async open(
    file: AsyncBuffer,
    name: string,
    column?: string,
    limits: ParquetLimits = LIMITS,
  ): Promise<ParquetTexts> {
    const metadata = await readable(name, () => parquetMetadataAsync(file));
    const sizes = textSizes(metadata);
    const columns = [...sizes.keys()];
    const largest = [...sizes].sort((a, b) => b[1] - a[1])[0]?.[0];
    const chosen = column ?? (sizes.has("text") ? "text" : largest);
    const outer = chosen !== undefined && !sizes.has(chosen) ? chosen.split(".")[0]! : chosen;
    if (chosen === undefined || outer === undefined || !sizes.has(outer))
      throw bad(`${name} has no text column${column ? ` "${column}"` : ""}`, columnsHint(columns));
    const groups = readableGroups(metadata, outer, limits);
    if (groups.length === 0)
      throw bad(
        `every row group of ${name} is empty, or too large to read column "${outer}" of it`,
        "write it again with row groups below 64 MB (pyarrow: row_group_size) or with page indexes (write_page_index)",
      );
    return new ParquetTexts(name, file, metadata, columns, chosen, groups);
  }

  /** Texts of one random row group, or of a part of it. */
  async read(random: Random): Promise<unknown[]> {
    const { rowStart, rows, rowsAtOnce, hasIndex } =
      this.#groups[Math.floor(random() * this.#groups.length)]!;
    const offset = hasIndex ? Math.floor(random() * (rows - rowsAtOnce + 1)) : 0;
    const found = await readable(this.#name, () =>
      parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        columns: [this.#column.split(".")[0]!, this.#column].filter((name) => this.columns.includes(name)),
        compressors,
        useOffsetIndex: hasIndex,
        rowStart: rowStart + offset,
        rowEnd: rowStart + offset + rowsAtOnce,
      }),
    );
    return found.map((row) => textOf(row, this.#column));
  }
}

/** Bytes of text by column; those of lists and structs count for the column that they are in. */
function textSizes(metadata: FileMetaData): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const group of metadata.row_groups)
    for (const { meta_data } of group.columns)
      if (meta_data?.type === "BYTE_ARRAY") {
        const path = meta_data.path_in_schema[0]!;
        sizes.set(path, (sizes.get(path) ?? 0) + Number(meta_data.total_uncompressed_size));
      }
  return sizes;
}

/** The parser throws plain errors of its own for what is not Parquet; those of requests pass through. */
async function readable<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFailure(error) || (error instanceof Error && error.name === "AbortError")) throw error;
    throw bad(
      `${name} cannot be read as Parquet (${messageOf(error)})`,
      "choose another file or a dataset on the hub",
    );
  }
}

function readableGroups(metadata: FileMetaData, column: string, limits: ParquetLimits): Group[] {
  const groups: Group[] = [];
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const chunks = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column);
    const sum = (of: "total_compressed_size" | "total_uncompressed_size"): number =>
      chunks.reduce((total, { meta_data }) => total + Number(meta_data![of]), 0);
    const excess = Math.max(
      sum("total_compressed_size") / limits.compressedBytes,
      sum("total_uncompressed_size") / limits.plainBytes,
    );
    const hasIndex = excess > 1 && chunks.every(({ offset_index_length }) => (offset_index_length ?? 0) > 0);
    const rowsAtOnce = excess <= 1 ? rows : Math.floor((rows / excess) * PART_OF_LIMIT);
    if (rowsAtOnce > 0 && (excess <= 1 || hasIndex)) groups.push({ rowStart, rows, rowsAtOnce, hasIndex });
    rowStart += rows;
  }
  return groups;
}

function columnsHint(columns: readonly string[]): string {
  return columns.length > 0
    ? `its columns with text are: ${columns.join(", ")}`
    : "choose another file or a dataset on the hub";
}

function bad(message: string, hint: string): Failure<PromptsCode> {
  return new Failure("prompts.bad-source", { message, hint });
}
