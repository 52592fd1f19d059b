import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { answerText, type TextForm } from "../../analysis/answer-text.ts";
import { textOf } from "../../analysis/cells.ts";
import { VIEWS } from "../../analysis/views/views.ts";
import type { Answer, Warehouse } from "../../analysis/warehouse.ts";
import { makeWorkFolder, writeWhole } from "../../base/atomic.ts";
import { Failure } from "../../base/error.ts";
import { counted, printable } from "../../base/text.ts";
import { QUERY_OPTIONS } from "../../config/analysis-options.ts";
import { loadConfiguration } from "../../config/load.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { GAP, screenWidth, wrapped } from "../fit.ts";
import { refuseIdleFlags } from "../idle-flags.ts";
import { openEvents } from "../open-events.ts";
import { outputFile } from "../output-file.ts";
import { fittedTable, noRoomText, renderTable } from "../table.ts";

export type QueryCode = "query.no-question" | "query.needs-file";

/** A terminal is no place for more; every other form gives all rows. */
const MAX_TABLE_ROWS = 1_000;
const MAX_CELL = 60;
const COMMENTS = /--.*|\/\*[\s\S]*?\*\//g;

/** Answers questions in SQL about events, one after another. */
export async function query(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(QUERY_OPTIONS, sourcesOf(context));
  const format = formatOf(context, settings.format);
  const [first, ...words] = context.words ?? [];
  if (context.flags.list === "true") {
    refuseIdleFlags(context, [
      ["list", first !== undefined, "beside a question: it shows what can be asked, and asks nothing"],
      ["out", true, "beside --list, which goes to standard output"],
      ["format", format !== "json" && format !== "table", "beside --list, which is a table or JSON"],
    ]);
    const width = screenWidth(context.environment) ?? Number.POSITIVE_INFINITY;
    context.print(format === "json" ? viewData() : viewList(width));
    return EXIT.ok;
  }
  const out = settings.out === undefined ? undefined : outputFile(settings.out);
  const sql = (first === undefined || first === "-" ? await Bun.stdin.text() : first)
    .trimStart()
    .replace(/[;\s]+$/, "");
  if (sql.replace(COMMENTS, "").trim() === "")
    throw new Failure<QueryCode>("query.no-question", {
      message: "no question was asked",
      hint: 'for example: openvalidator query "SELECT uid, avg(reward) FROM answers GROUP BY uid"; --list shows what can be asked',
    });
  if (format === "parquet" && out === undefined)
    throw new Failure<QueryCode>("query.needs-file", {
      message: "Parquet goes into a file",
      hint: "name one with --out",
    });
  const work = out === undefined ? undefined : workFolder(out);
  try {
    const opened = await openEvents(context, words, {
      writable: work === undefined ? [] : [work],
      outputs: { files: [out] },
    });
    try {
      const width =
        (work === undefined ? screenWidth(context.environment) : undefined) ?? Number.POSITIVE_INFINITY;
      await answer(opened.warehouse, sql, { format, work, width, print: context.print });
    } finally {
      opened.close();
    }
    if (work !== undefined && out !== undefined) renameSync(join(work, ANSWER), out);
  } finally {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  }
  return EXIT.ok;
}

/** @throws Failure `config.conflict` for two forms at once */
function formatOf(context: CommandContext, format: Sink["format"]): Sink["format"] {
  if (context.flags.json !== "true") return format;
  refuseIdleFlags(context, [
    ["json", (context.flags.format ?? "json") !== "json", `beside --format ${format}`],
  ]);
  return "json";
}

const ANSWER = "answer";

/** Beside the file, so that it can be put in its place whole. */
function workFolder(out: string): string {
  return makeWorkFolder(join(dirname(out), `.${basename(out)}-`), out);
}

interface Sink {
  format: TextForm | "table" | "parquet";
  /** Folder of the file to write; undefined for standard output. */
  work: string | undefined;
  /** Characters of a line. */
  width: number;
  print(text: string): void;
}

async function answer(
  warehouse: Warehouse,
  sql: string,
  { format, work, width, print }: Sink,
): Promise<void> {
  if (format === "parquet") {
    await warehouse.save(sql, join(work!, ANSWER));
    return;
  }
  const texts = answersText(warehouse.ask(sql), format, width);
  if (work === undefined) {
    for await (const text of texts) print(text);
    return;
  }
  const fd = openSync(join(work, ANSWER), "wx", 0o600);
  try {
    for await (const text of texts) writeWhole(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** An empty line between two answers ends no row of either form but JSON lines, which have none. */
async function* answersText(
  answers: AsyncIterable<Answer>,
  format: TextForm | "table",
  width: number,
): AsyncGenerator<string> {
  let isFirst = true;
  for await (const given of answers) {
    if (!isFirst && format !== "jsonl") yield "\n";
    isFirst = false;
    yield* format === "table" ? tableText(given, width) : answerText(given, format);
  }
}

async function* tableText({ names, chunks }: Answer, width: number): AsyncGenerator<string> {
  const rows: (string | number)[][] = [];
  let isCut = false;
  for await (const chunk of chunks) {
    for (const row of chunk.slice(0, MAX_TABLE_ROWS - rows.length))
      rows.push(row.map((value) => (typeof value === "number" ? value : printable(textOf(value), MAX_CELL))));
    isCut ||= rows.length === MAX_TABLE_ROWS;
    if (isCut) break;
  }
  const titles = names.map((name) => printable(name, MAX_CELL));
  // Who writes a question puts first what matters.
  const { text, gone } = fittedTable(titles, rows, { width, spare: (at) => at });
  yield text;
  yield isCut
    ? `… the first ${MAX_TABLE_ROWS} rows; --format csv gives all\n`
    : `${counted(rows.length, "row")}\n`;
  yield noRoomText(gone, "ask for fewer columns, or by --format json", width);
}

/** @param width characters of a line, in which what a column is takes several where it must */
function viewList(width: number): string {
  return VIEWS.map(({ name, doc, columns }) => {
    const rows = Object.entries(columns).map(([column, { type, unit = "", doc: about }]) => [
      column,
      printable(type, 40),
      unit,
      about,
    ]);
    return `${wrapped(`${name}: ${doc}`, width)}\n${listTable(rows, width)}`;
  }).join("\n");
}

const LIST_TITLES = ["column", "type", "unit", "what it is"];
/** Least of the last column; a screen that has no room for it has one of two. */
const LEAST_WORDS = 24;

function listTable(rows: readonly string[][], width: number): string {
  const names = [0, 1, 2].map((at) =>
    Math.max(...[LIST_TITLES, ...rows].map((row) => Bun.stringWidth(row[at]!))),
  );
  const room = width - names.reduce((sum, one) => sum + one + GAP, 0);
  if (room >= LEAST_WORDS)
    return renderTable(
      LIST_TITLES,
      rows.map(([column, type, unit, about]) => [column!, type!, unit!, wrapped(about!, room)]),
    );
  const left = names[0]!;
  const words = ([, type, unit, about]: readonly string[]): string =>
    wrapped([`${type}${unit === "" ? "" : ` (${unit})`}:`, about].join(" "), width - left - GAP);
  return renderTable(
    ["column", "what it is"],
    rows.map((row) => [row[0]!, words(row)]),
  );
}

function viewData(): string {
  return `${JSON.stringify(
    VIEWS.map(({ name, doc, columns }) => ({ name, doc, columns })),
    null,
    2,
  )}\n`;
}
