import { rmSync } from "node:fs";
import { literal } from "../views/view.ts";
import type { Warehouse } from "../warehouse.ts";

/** Rows that lie together in a file of Parquet; few enough that texts of some kilobytes stay within memory. */
const ROW_GROUP = 20_000;
/** A piece is one group, so that the groups of the whole hang on its rows alone. */
const WHOLE_PIECE = 2 ** 30;

/**
 * Writes one file of Parquet piece by piece: what a piece is made of is sorted by itself, so that memory holds one piece
 * and not the whole, and the pieces are put together as they lie.
 * @param parts of the whole, in order
 * @param rowsOf SQL of the rows of a part, in order within themselves; asked for when those before are written
 */
export async function writePieces<Part>(
  warehouse: Warehouse,
  file: string,
  parts: readonly Part[],
  rowsOf: (part: Part) => string | Promise<string>,
): Promise<void> {
  if (parts.length === 1) return await copy(warehouse, await rowsOf(parts[0]!), file, "zstd");
  const pieces = parts.map((_, at) => file.replace(/\.new$/, `.${at}.new`));
  try {
    // They are gone soon: what is quick is enough.
    for (const [at, part] of parts.entries())
      await copy(warehouse, await rowsOf(part), pieces[at]!, "snappy", WHOLE_PIECE);
    // A number of the row is given by one thread, in the order of the pieces; several would end groups at other rows in
    // each run, which makes other bytes.
    await copy(
      warehouse,
      `SELECT * FROM read_parquet([${pieces.map(literal).join(", ")}]) QUALIFY row_number() OVER () > 0`,
      file,
      "zstd",
    );
  } finally {
    for (const piece of pieces) rmSync(piece, { force: true });
  }
}

async function copy(
  warehouse: Warehouse,
  sql: string,
  file: string,
  compression: "zstd" | "snappy",
  groupRows = ROW_GROUP,
): Promise<void> {
  await warehouse.run(
    `COPY (${sql}) TO ${literal(file)}
     (FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE ${groupRows})`,
  );
}

/** Rows that are looked at together: those of whole steps. */
const WINDOW_ROWS = 20_000;
/** Windows whose rows are laid at once; some hundred megabytes where texts are long. */
const LAID_WINDOWS = 10;
/** The rows of the windows that were laid last. */
export const LAID = "laid_rows";

/** A range of rows of `kept` that no step goes across. */
export interface Window {
  /** The condition on a column with the `id` of a row. */
  holds(id: string): string;
  /**
   * Makes the table `LAID` hold its rows. Every question to the file of `kept` looks at the statistics of all its groups
   * first, which of fifty million rows takes longer than what one window asks.
   */
  lay(): Promise<void>;
}

/** Divides the rows of `kept` into windows, in order. */
export async function windowsOf(warehouse: Warehouse): Promise<Window[]> {
  const starts = await warehouse.rows(`SELECT min(start) AS start
    FROM (SELECT min(id) AS start FROM kept GROUP BY run, sequence) GROUP BY start // ${WINDOW_ROWS} ORDER BY 1`);
  const at = starts.map(({ start }) => Number(start));
  const between = (id: string, from: number, end: number): string =>
    at[end] === undefined ? `${id} >= ${at[from] ?? 0}` : `${id} >= ${at[from]} AND ${id} < ${at[end]}`;
  let laid = -1;
  return Array.from({ length: Math.max(1, at.length) }, (_, n) => ({
    holds: (id) => between(id, n, n + 1),
    async lay() {
      const first = n - (n % LAID_WINDOWS);
      if (laid === first) return;
      await warehouse.run(
        `CREATE OR REPLACE TEMP TABLE ${LAID} AS SELECT * FROM kept WHERE ${between("id", first, first + LAID_WINDOWS)}`,
      );
      laid = first;
    },
  }));
}
