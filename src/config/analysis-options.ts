import { choice, integer, moment, optional, path, text } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

const QUERY_FORMATS = ["table", "csv", "json", "jsonl", "markdown", "parquet"] as const;
const EXPORT_FORMATS = ["parquet", "csv", "jsonl", "duckdb"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What `openvalidator query` takes. */
export const QUERY_OPTIONS = {
  format: option(choice(...QUERY_FORMATS), "table", "analysis", "Form of the answer."),
  out: option(optional(path), undefined, "analysis", "File for the answer, in place of standard output."),
} as const satisfies OptionTable;

/** What `openvalidator events export` takes. */
export const EXPORT_OPTIONS = {
  to: option(choice(...EXPORT_FORMATS), "parquet", "analysis", "Form of the files."),
  out: option(
    optional(path),
    undefined,
    "analysis",
    "Folder for them. Parquet is added to; other forms are written anew, and never over other events.",
  ),
} as const satisfies OptionTable;

/** What `openvalidator analyze` looks at, and where it writes. */
export const ANALYZE_OPTIONS = {
  since: option(optional(moment), undefined, "analysis", "Nothing older: a day, 7d or 12h."),
  uid: option(
    optional(integer({ min: 0, max: 65_535 }, "UID")),
    undefined,
    "analysis",
    "Answers of this miner alone.",
  ),
  name: option(
    optional(text),
    undefined,
    "analysis",
    "Steps of this name or task alone: answer0, followup, …",
  ),
  top: option(integer({ min: 1, max: 1000 }), 10, "analysis", "How many rows a table shows."),
  report: option(
    optional(path),
    undefined,
    "analysis",
    "Also write a report with charts and sortable tables: one HTML file.",
  ),
  charts: option(
    optional(path),
    undefined,
    "analysis",
    "Also write every chart as an SVG file, into this folder.",
  ),
} as const satisfies OptionTable;
