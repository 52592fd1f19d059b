import type { TextFormat } from "../config/text-formats.ts";
import { columnsOf, textOf } from "./cell.ts";

/** Texts of some lines of a file, and the names of the columns they came from. */
export interface LineRows {
  texts: unknown[];
  columns: string[];
}

/** How a format is read: by windows of whole lines, or as a table with an index of its own (parquet.ts). */
export type Reading =
  | { by: "lines"; rows(lines: readonly string[], column: string | undefined): LineRows }
  | { by: "table" };

/** THE table of formats: a further one is a row here and its extension in config/text-formats.ts. */
export const READINGS: Readonly<Record<TextFormat, Reading>> = {
  txt: { by: "lines", rows: (lines) => ({ texts: passages(lines), columns: [] }) },
  jsonl: { by: "lines", rows: jsonRows },
  parquet: { by: "table" },
};

/** Full stops after which a running text is cut into passages: the longest base text has 30 sentences. */
const PASSAGE_FULL_STOPS = 30;

/** Running lines gathered into passages that end at a line end. */
function passages(lines: readonly string[]): string[] {
  const found: string[] = [];
  let current: string[] = [];
  let stops = 0;
  for (const line of lines) {
    current.push(line);
    stops += line.split(".").length - 1;
    if (stops < PASSAGE_FULL_STOPS) continue;
    found.push(current.join("\n"));
    current = [];
    stops = 0;
  }
  if (current.length > 0) found.push(current.join("\n"));
  return found;
}

/** One object a line; a line that is none (cut, empty, a comment) gives no text. */
function jsonRows(lines: readonly string[], column: string | undefined): LineRows {
  const rows = lines.map(parseJson);
  return {
    texts: rows.map((row) => textOf(row, column)),
    columns: columnsOf(rows.find((row) => columnsOf(row).length > 0)),
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
