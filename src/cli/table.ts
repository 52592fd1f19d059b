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

function linesOf(row: readonly (string | number)[]): string[][] {
  const cells = row.map((cell) => String(cell).split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ""));
}
