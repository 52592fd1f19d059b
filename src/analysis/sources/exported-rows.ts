import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { linesOf } from "../../base/lines.ts";
import { unmarkedText } from "../cells.ts";
import { EVENTS } from "../views/events.ts";
import { STEPS } from "../views/steps.ts";
import { bytesOfFile, parseLine } from "./content.ts";
import { csvRecords } from "./csv.ts";
import { exportedView } from "./exported-view.ts";
import type { Content, EventLine } from "./source.ts";

/** Fields of a step event whose columns in the view have other names. */
const RENAMED: Readonly<Record<string, string>> = {
  step_length_s: "step_length",
  completion_times_s: "completion_times",
  status_codes: "completion_status_codes",
  status_messages: "completion_status_messages",
};
/** Columns that the view makes of others, and of where a file lies. */
const MADE: ReadonlySet<string> = new Set([
  "source",
  "answers",
  "answered",
  "mean_reward",
  "best_reward",
  "columns",
]);
/** Texts that are empty rather than none in a cell without letters. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(["prompt", "base_prompt", "best"]);

const place = { run: z.string(), sequence: z.number().int().nonnegative(), time: z.string() };
const eventRow = z.looseObject({ ...place, kind: z.string(), body: z.string().nullable() });
/** A map without entries is written as a list without any. */
const stages = z
  .looseObject({ parts: z.unknown() })
  .transform((told) => ({ ...told, parts: Array.isArray(told.parts) ? {} : told.parts }));
const stepRow = z.looseObject({
  ...place,
  uids: z.array(z.number().int()),
  stages: stages.nullish(),
  columns: z
    .union([z.record(z.string(), z.array(z.number().nullable())), z.tuple([])])
    .transform((columns) => Object.entries(columns) as [string, (number | null)[]][]),
});

/**
 * The events of one exported view, in order; undefined in place of a row that is not understood, none for what another file
 * of the export tells in full. NaN of a column is null there, and read as NaN; a cell without letters is no value, but in texts
 * that may be empty.
 * @throws the error of the file system or of the decompression
 */
export async function* exportedEvents(
  path: string,
  content: Content,
): AsyncGenerator<EventLine[] | undefined> {
  for await (const row of content.kind === "exported CSV"
    ? rowsOfCsv(path, content)
    : rowsOfLines(path, content))
    yield row && eventsOf(row);
}

/** What is missing beside a file of events: the steps are told in full in a file of their own. @param known all that is read */
export function missingBeside(path: string, known: ReadonlySet<string>): string | undefined {
  const name = basename(path);
  if (!name.startsWith(`${EVENTS.name}.`)) return undefined;
  const steps = name.replace(EVENTS.name, STEPS.name);
  if (known.has(join(dirname(path), steps))) return undefined;
  return `its steps are told in ${steps}, which was not named`;
}

function eventsOf(row: EventLine): EventLine[] | undefined {
  try {
    return "uids" in row ? [stepOf(row)] : eventOfRow(row);
  } catch {
    return undefined; // counted by the caller as a row that is not understood
  }
}

function eventOfRow(row: EventLine): EventLine[] {
  const { body, source: _, ...event } = eventRow.parse(row);
  if (event.kind === "step") return [];
  return [{ ...(JSON.parse(body ?? "{}") as EventLine), ...event }];
}

function stepOf(row: EventLine): EventLine {
  const step = stepRow.parse(row);
  const { columns } = step;
  const fields = Object.keys(STEPS.columns)
    .filter((name) => !MADE.has(name))
    .map((name): [string, unknown] => [RENAMED[name] ?? name, (step as EventLine)[name] ?? null]);
  const nanColumns = columns.filter(([, values]) => values.includes(null)).map(([name]) => name);
  return {
    ...Object.fromEntries(columns),
    ...Object.fromEntries(fields),
    kind: "step",
    version: 2,
    nan_columns: nanColumns,
  };
}

async function* rowsOfLines(path: string, { compression }: Content): AsyncGenerator<EventLine | undefined> {
  for await (const { text, isWhole } of linesOf(bytesOfFile(path, compression))) {
    if (text === "") continue;
    const row = text === undefined ? undefined : parseLine(text);
    if (row !== undefined || isWhole) yield row;
  }
}

async function* rowsOfCsv(path: string, { compression }: Content): AsyncGenerator<EventLine | undefined> {
  let names: string[] | undefined;
  let types: Record<string, string> = {};
  for await (const cells of csvRecords(bytesOfFile(path, compression))) {
    if (names === undefined) {
      names = cells ?? [];
      const view = exportedView(names);
      if (typeof view === "object")
        types = Object.fromEntries(Object.entries(view.columns).map(([name, { type }]) => [name, type]));
      continue;
    }
    yield cells?.length === names.length ? rowOf(names, types, cells) : undefined;
  }
}

function rowOf(
  names: readonly string[],
  types: Readonly<Record<string, string>>,
  cells: readonly string[],
): EventLine | undefined {
  try {
    return Object.fromEntries(names.map((name, at) => [name, valueOfCell(name, types[name], cells[at]!)]));
  } catch {
    return undefined; // a list that is none: counted by the caller as a row that is not understood
  }
}

/** Inverse of a cell of CSV, by the type of its column. */
function valueOfCell(name: string, type: string | undefined, cell: string): unknown {
  if (cell === "") return MAY_BE_EMPTY.has(name) ? "" : null;
  const text = unmarkedText(cell);
  switch (type) {
    case undefined:
    case "VARCHAR":
    case "JSON":
    case "TIMESTAMP":
      return text;
    case "BOOLEAN":
      return text === "true";
    case "BIGINT":
    case "INTEGER":
    case "DOUBLE":
      return Number.isFinite(Number(text)) ? Number(text) : null;
    default:
      return JSON.parse(text);
  }
}
