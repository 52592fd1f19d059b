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
import { renderTable } from "./table.ts";

export interface ScreenOptions {
  /** Characters of a line. */
  width: number;
  hasColour: boolean;
  /** Rows of a table. */
  top: number;
}

/** A text column is cut to this before another is left out. */
const LEAST_TEXT = 16;
const GAP = 2;
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
  const { kept, widths } = fitted(columns, texts, width);
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

/** Which columns fit, and how wide the cells of each may be: texts are cut first, then spare columns go. */
function fitted(
  columns: readonly Column[],
  texts: readonly (readonly string[])[],
  width: number,
): { kept: number[]; widths: Map<number, number> } {
  const natural = columns.map((column, at) =>
    Math.max(Bun.stringWidth(titleOf(column)), ...texts.map((row) => Bun.stringWidth(row[at]!))),
  );
  let kept = [...columns.keys()];
  for (;;) {
    const texty = kept.filter((at) => isText(columns[at]!) && natural[at]! > LEAST_TEXT);
    const fixed = kept.filter((at) => !texty.includes(at)).reduce((sum, at) => sum + natural[at]!, 0);
    const room = width - fixed - GAP * (kept.length - 1);
    const widths = new Map(kept.map((at) => [at, natural[at]!]));
    if (texty.length > 0 && room >= LEAST_TEXT * texty.length) {
      share(texty, natural, room, widths);
      return { kept, widths };
    }
    if (texty.length === 0 && room >= 0) return { kept, widths };
    const spare = Math.max(...kept.map((at) => columns[at]!.spare ?? 0));
    if (spare === 0) {
      for (const at of texty) widths.set(at, LEAST_TEXT);
      return { kept, widths };
    }
    const gone = kept.findLast((at) => columns[at]!.spare === spare);
    kept = kept.filter((at) => at !== gone);
  }
}

/** A column may be named after what a source calls its runs. */
function titleOf({ title }: Column): string {
  return printable(title, 60);
}

function isText({ form }: Column): boolean {
  return form === "text" || form === "prose";
}

/** Gives each what it needs, and to those that need more an even part of the rest. */
function share(
  texty: readonly number[],
  natural: readonly number[],
  room: number,
  widths: Map<number, number>,
): void {
  let left = room;
  const order = [...texty].sort((a, b) => natural[a]! - natural[b]!);
  for (const [index, at] of order.entries()) {
    const given = Math.min(natural[at]!, Math.floor(left / (order.length - index)));
    widths.set(at, given);
    left -= given;
  }
}

function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let out = "";
  for (const character of text) {
    if (Bun.stringWidth(out + character) > width - 1) break;
    out += character;
  }
  return `${out}…`;
}

/** Lines end at spaces, and within a word that no line holds. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [""];
  const pieces = text.split(" ").flatMap((word) => piecesOf(word, width));
  for (const piece of pieces) {
    const line = lines.at(-1)!;
    if (line !== "" && Bun.stringWidth(line) + 1 + Bun.stringWidth(piece) > width) lines.push(piece);
    else lines[lines.length - 1] = line === "" ? piece : `${line} ${piece}`;
  }
  return lines.join("\n");
}

function piecesOf(word: string, width: number): string[] {
  if (Bun.stringWidth(word) <= width) return [word];
  const pieces = [""];
  for (const character of word) {
    if (Bun.stringWidth(pieces.at(-1)! + character) > width) pieces.push("");
    pieces[pieces.length - 1] += character;
  }
  return pieces;
}
