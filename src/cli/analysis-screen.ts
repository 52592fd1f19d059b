import {
  type Cell,
  type Chart,
  type Column,
  cellText,
  isNumeric,
  type Section,
  sparkline,
  type Table,
} from "../analysis/report/section.ts";
import { printable } from "../base/text.ts";
import { cut, fitted, GAP, wrapped } from "./fit.ts";
import { renderTable } from "./table.ts";

export interface ScreenOptions {
  /** Characters of a line. */
  width: number;
  hasColour: boolean;
  /** Rows of a table. */
  top: number;
}

/** Of a section's sentences, which name columns of the sources. */
const MAX_WORDS = 2000;
const SPARK_CHARACTERS = 24;
/** What a sparkline is of, before it. */
const LABEL_CHARACTERS = 44;
/** Lines of one chart. */
const SHOWN_SERIES = 6;

/** Sections as a terminal shows them: what is a stranger's is escaped, and no line is wider than asked. Pure. */
export function analysisScreen(sections: readonly Section[], options: ScreenOptions): string {
  return sections.map((section) => sectionText(section, options)).join("\n");
}

function sectionText({ title, words, charts, tables }: Section, options: ScreenOptions): string {
  const head = options.hasColour ? `\u001b[1m${title}\u001b[0m` : title;
  const parts = [`${head}\n${wrapped(printable(words, MAX_WORDS), options.width)}\n`];
  const lines = charts.flatMap((chart) => chartLines(chart, options.width));
  if (lines.length > 0) parts.push(`${lines.join("\n")}\n`);
  for (const table of tables)
    if (table.rows.length > 0) parts.push(tableText(table, tables.length > 1, options));
  return parts.join("\n");
}

/** Lines over time; bars and a matrix are told by their tables. */
function chartLines(chart: Chart, width: number): string[] {
  if (chart.kind !== "lines") return [];
  const shown = chart.series.filter(({ points }) => points.length > 1).slice(0, SHOWN_SERIES);
  return shown.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    const numbers = values.filter((value) => value !== null);
    const range = `${cellText(Math.min(...numbers), chart.form)} … ${cellText(Math.max(...numbers), chart.form)}`;
    const space = Math.min(LABEL_CHARACTERS, Math.floor(width / 2) - GAP);
    const label = cut(printable(shown.length === 1 ? chart.title : `${chart.title}: ${name}`), space);
    const room = Math.max(1, width - space - range.length - 2 * GAP);
    const padded = label + " ".repeat(Math.max(0, space - Bun.stringWidth(label)));
    return cut(`${padded}  ${sparkline(narrowed(values, room))}  ${range}`, width);
  });
}

/** At most `count` values, each the mean of those it stands for. */
function narrowed(values: readonly (number | null)[], count: number): (number | null)[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * values.length) / count);
    const to = Math.floor(((at + 1) * values.length) / count);
    const numbers = values.slice(from, to).filter((value) => value !== null);
    return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  });
}

function tableText(
  { title, columns, rows }: Table,
  isTitled: boolean,
  { width, top }: ScreenOptions,
): string {
  const shown = rows.slice(0, top);
  const texts = shown.map((row) => row.map((cell, at) => screenCell(cell, columns[at]!)));
  const { kept, widths } = fitted(
    columns.map((column) => ({ title: titleOf(column), isText: isText(column), spare: column.spare ?? 0 })),
    texts,
    width,
  );
  const cells = texts.map((row) => kept.map((at) => cut(row[at]!, widths.get(at)!)));
  const right = new Set(kept.keys().filter((at) => isNumeric(columns[kept[at]!]!.form)));
  const titles = kept.map((at) => cut(titleOf(columns[at]!), widths.get(at)!));
  const lines = renderTable(titles, cells, right).split("\n");
  const more = rows.length > shown.length ? `… ${rows.length - shown.length} more\n` : "";
  return `${isTitled ? `${title}\n` : ""}${lines.map((line) => cut(line, width)).join("\n")}${more}`;
}

function screenCell(cell: Cell, { form }: Column): string {
  if (form === "trend") return sparkline(narrowed(cell as readonly (number | null)[], SPARK_CHARACTERS));
  return printable(cellText(cell, form).replace(/\s+/g, " "), 400);
}

/** A column may be named after what a source calls its runs. */
function titleOf({ title }: Column): string {
  return printable(title, 60);
}

function isText({ form }: Column): boolean {
  return form === "text" || form === "prose";
}
