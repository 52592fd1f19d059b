/** Columns as wide as their longest cell; numbers to the right. A cell is printed as it is given. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const text = rows.map((row) => row.map(String));
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
