/** One line of the table that `bun run bench` prints. */
export interface BenchRow {
  name: string;
  value: number;
  /** "ms", "s", "MB", "/s" … */
  unit: string;
  /** What the value is compared with, as a factor: 12 means twelve times as fast (or as small). */
  ratio?: number;
  /** What the value should be, in words. */
  goal?: string;
}

/** Value below which the share `at` (0..1) of the samples lies, by the nearest rank. */
export function quantile(samples: readonly number[], at: number): number {
  if (samples.length === 0) throw new Error("no samples");
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(at * sorted.length) - 1)]!;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Three significant digits, without an exponent. */
function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return Number(value.toPrecision(3)).toString();
}

/** Plain text with aligned columns, one row a line. */
export function renderTable(rows: readonly BenchRow[]): string {
  const cells = [
    ["name", "value", "unit", "ratio", "goal"],
    ...rows.map(({ name, value, unit, ratio, goal = "" }) => [
      name,
      figure(value),
      unit,
      ratio === undefined ? "" : `${figure(ratio)}x`,
      goal,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || column === 2 || column === 4
            ? cell.padEnd(widths[column]!)
            : cell.padStart(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
