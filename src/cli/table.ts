/** Columns as wide as their longest line; numbers to the right. A line end in a cell begins a further line of its row. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const text = rows.flatMap(linesOf);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...text.map((row) => row[column]!.length)),
  );
  const isNumeric = header.map((_, column) => rows.every((row) => typeof row[column] === "number"));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  return `${[line(header), widths.map((width) => "-".repeat(width)).join("  "), ...text.map(line)].join("\n")}\n`;
}

function linesOf(row: readonly (string | number)[]): string[][] {
  const cells = row.map((cell) => String(cell).split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ""));
}
