import { jsonText, printable } from "../base/text.ts";
import { csvLine, plainOf, textOf } from "./cells.ts";
import type { Answer, Value } from "./warehouse.ts";

/** Forms of an answer that are text and as long as it is. */
export type TextForm = "csv" | "json" | "jsonl" | "markdown";

const MAX_CELL = 2_000;

/** The text of an answer, piece by piece as its rows come. */
export async function* answerText({ names, chunks }: Answer, form: TextForm): AsyncGenerator<string> {
  const lineOf = LINES[form](names);
  if (form === "csv") yield csvLine(names);
  if (form === "markdown") yield markdownRow(names) + markdownRow(names.map(() => "---"));
  if (form === "json") yield "[";
  let isFirst = true;
  for await (const rows of chunks) {
    const lines = rows.map(lineOf);
    yield form === "json" ? `${isFirst ? "\n" : ",\n"}${lines.join(",\n")}` : lines.join("");
    isFirst = false;
  }
  if (form === "json") yield "\n]\n";
}

type LineOf = (row: readonly Value[]) => string;

const LINES: Record<TextForm, (names: readonly string[]) => LineOf> = {
  csv: () => csvLine,
  markdown: () => (row) => markdownRow(row.map(textOf)),
  json: (names) => (row) => jsonOf(names, row),
  jsonl: (names) => (row) => `${jsonOf(names, row)}\n`,
};

function jsonOf(names: readonly string[], row: readonly Value[]): string {
  return jsonText(Object.fromEntries(names.map((name, at) => [name, plainOf(row[at])])));
}

function markdownRow(cells: readonly string[]): string {
  const safe = cells.map((cell) => printable(cell, MAX_CELL).replaceAll("|", "\\|").replaceAll("<", "&lt;"));
  return `| ${safe.join(" | ")} |\n`;
}
