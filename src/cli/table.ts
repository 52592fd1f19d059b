import { cut, fitted, wrapped } from "./fit.ts";

/**
 * Columns as wide as their longest line on a screen; numbers to the right. A line end in a cell begins a further line
 * of its row.
 * @param right columns of texts that stand to the right as numbers do
 */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const text = rows.flatMap(linesOf);
  const widths = header.map((title, column) =>
    Math.max(...[title, ...text.map((row) => row[column]!)].map((cell) => Bun.stringWidth(cell))),
  );
  const isRight = header.map(
    (_, column) => right.has(column) || rows.every((row) => typeof row[column] === "number"),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const space = " ".repeat(widths[column]! - Bun.stringWidth(cell));
        return isRight[column] ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return `${[line(header), widths.map((width) => "-".repeat(width)).join("  "), ...text.map(line)].join("\n")}\n`;
}

/**
 * A table that is no wider than a screen: texts are cut, then columns left out. Line ends in cells are as for `renderTable`.
 * @param width characters of a line; undefined = any
 * @param spare by column, what goes first, the highest; 0 stays in any case
 * @param whole columns of texts that are worth nothing when they are cut
 * @returns the table, and titles of the columns that had no room
 */
export function fittedTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  {
    width = Number.POSITIVE_INFINITY,
    spare,
    right = new Set(),
    whole = new Set(),
  }: {
    width: number | undefined;
    spare(column: number): number;
    right?: ReadonlySet<number>;
    whole?: ReadonlySet<number>;
  },
): { text: string; gone: string[] } {
  const texts = rows.flatMap(linesOf);
  const isNumber = (at: number): boolean => right.has(at) || rows.every((row) => typeof row[at] === "number");
  const columns = header.map((title, at) => ({
    title,
    isText: !isNumber(at) && !whole.has(at),
    spare: spare(at),
  }));
  const { kept, widths } = fitted(columns, texts, width);
  const shown = (row: readonly string[]): string[] => kept.map((at) => cut(row[at]!, widths.get(at)!));
  const text = renderTable(
    shown(header),
    texts.map(shown),
    new Set(kept.keys().filter((at) => isNumber(kept[at]!))),
  );
  return { text, gone: header.filter((_, at) => !kept.includes(at)) };
}

/** Tells of columns that had no room, in lines as wide as the screen; nothing where all had. */
export function noRoomText(gone: readonly string[], hint: string, width: number | undefined): string {
  if (gone.length === 0) return "";
  return `${wrapped(`… no room for ${gone.join(", ")}: ${hint}`, width ?? Number.POSITIVE_INFINITY)}\n`;
}

function linesOf(row: readonly (string | number)[]): string[][] {
  const cells = row.map((cell) => String(cell).split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ""));
}
