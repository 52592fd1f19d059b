import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import type { PromptsCode } from "./feed.ts";
import type { Random } from "./templates.ts";

/**
 * A row group is read whole for one column. The hub's own conversion writes 1000 rows a group, a few MB of text;
 * groups beyond these sizes are left alone so that memory stays bounded.
 */
const MAX_COMPRESSED_BYTES = 64 * 2 ** 20;
const MAX_PLAIN_BYTES = 256 * 2 ** 20;

/** Half-open range of rows that is read in one go. */
interface RowRange {
  rowStart: number;
  rowEnd: number;
}

/** The text column of one Parquet file, read a random row group at a time. */
export class ParquetTexts {
  readonly #name: string;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #column: string;
  readonly #ranges: RowRange[];

  private constructor(
    name: string,
    file: AsyncBuffer,
    metadata: FileMetaData,
    column: string,
    ranges: RowRange[],
  ) {
    this.#name = name;
    this.#file = file;
    this.#metadata = metadata;
    this.#column = column;
    this.#ranges = ranges;
  }

  /**
   * Reads the file's footer.
   * @param column name of the text column; left out: `text`, else the string column that holds most bytes
   * @throws Failure `prompts.bad-source` when it is no Parquet file, has no such column, or only too large row groups
   */
  static async open(file: AsyncBuffer, name: string, column?: string): Promise<ParquetTexts> {
    const metadata = await readable(name, () => parquetMetadataAsync(file));
    const sizes = new Map<string, number>();
    for (const group of metadata.row_groups)
      for (const { meta_data } of group.columns)
        if (meta_data?.type === "BYTE_ARRAY" && meta_data.path_in_schema.length === 1) {
          const path = meta_data.path_in_schema[0]!;
          sizes.set(path, (sizes.get(path) ?? 0) + Number(meta_data.total_uncompressed_size));
        }
    const largest = [...sizes].sort((a, b) => b[1] - a[1])[0]?.[0];
    const chosen = column ?? (sizes.has("text") ? "text" : largest);
    if (chosen === undefined || !sizes.has(chosen))
      throw bad(`${name} has no text column${column ? ` "${column}"` : ""}`, [...sizes.keys()]);
    const ranges = readableRanges(metadata, chosen);
    if (ranges.length === 0) throw bad(`every row group of ${name} is too large or empty`);
    return new ParquetTexts(name, file, metadata, chosen, ranges);
  }

  /** All cells of one random row group. */
  async read(random: Random): Promise<unknown[]> {
    const range = this.#ranges[Math.floor(random() * this.#ranges.length)]!;
    const rows = await readable(this.#name, () =>
      parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        columns: [this.#column],
        compressors,
        ...range,
      }),
    );
    return rows.map((row): unknown => row[this.#column]);
  }
}

/** The parser throws plain errors of its own for what is not Parquet; those of requests pass through. */
async function readable<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFailure(error)) throw error;
    throw bad(`${name} cannot be read as Parquet (${messageOf(error)})`);
  }
}

function readableRanges(metadata: FileMetaData, column: string): RowRange[] {
  const ranges: RowRange[] = [];
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)?.meta_data;
    const isReadable =
      chunk &&
      rowEnd > rowStart &&
      chunk.total_compressed_size <= MAX_COMPRESSED_BYTES &&
      chunk.total_uncompressed_size <= MAX_PLAIN_BYTES;
    if (isReadable) ranges.push({ rowStart, rowEnd });
    rowStart = rowEnd;
  }
  return ranges;
}

function bad(message: string, columns?: string[]): Failure<PromptsCode> {
  return new Failure("prompts.bad-source", {
    message,
    hint: columns?.length
      ? `its string columns are: ${columns.join(", ")}`
      : "choose another file or a dataset on the hub",
  });
}
