import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure, isFailure } from "../../base/error.ts";
import { counted } from "../../base/text.ts";
import { FORMULA_PATTERN } from "../cells.ts";
import { contentOf } from "../sources/content.ts";
import type { SourceKind } from "../sources/source.ts";
import { EVENTS } from "../views/events.ts";
import { literal } from "../views/view.ts";
import { VIEWS } from "../views/views.ts";
import type { Warehouse } from "../warehouse.ts";

export type OthersCode =
  /** What would be written over holds events that are not among the new ones, or is none of ours. */
  "query.other-export";

/** A body is 16 MiB at most, and each of its quotes two in a cell. */
const MAX_CSV_LINE_BYTES = 48 << 20;
/** What tells a spreadsheet that a text is no formula; see `unmarkedText`. */
const MARK = literal(`^'(${FORMULA_PATTERN})`);

/** The runs and sequences of what an export of before wrote, as SQL. */
const KEYS = {
  csv: (path: string): string => {
    const columns = Object.keys(EVENTS.columns).map((name) => `${literal(name)}: 'VARCHAR'`);
    return `SELECT regexp_replace(run, ${MARK}, '\\1') AS run, TRY_CAST(sequence AS BIGINT) AS sequence
      FROM read_csv(${literal(path)}, auto_detect=false, header=true, delim=',', quote='"', escape='"', parallel=false,
        max_line_size=${MAX_CSV_LINE_BYTES}, buffer_size=${MAX_CSV_LINE_BYTES}, columns={${columns.join(", ")}})`;
  },
  jsonl: (path: string): string =>
    `SELECT run, sequence FROM read_json(${literal(path)}, format='newline_delimited', columns={run: 'VARCHAR', sequence: 'BIGINT'})`,
  duckdb: (): string => `SELECT run, sequence FROM before.${EVENTS.name}`,
};

const KIND_OF_TEXT = { csv: "exported CSV", jsonl: "exported JSON lines" } satisfies Record<
  string,
  SourceKind
>;

/**
 * Refuses to write over events that would be lost: an export of text, or a database, takes the place of the one that is
 * there, so that all of that one must be among the new. What is no export of ours stays as well.
 * @param folder may be written to by the warehouse
 * @throws Failure `query.other-export`
 */
export async function refuseOthers(
  warehouse: Warehouse,
  folder: string,
  form: keyof typeof KEYS,
): Promise<void> {
  const names = form === "duckdb" ? ["events.duckdb"] : VIEWS.map(({ name }) => `${name}.${form}`);
  const there = names.filter((name) => existsSync(join(folder, name)));
  if (there.length === 0) return;
  // An export writes this one first.
  const path = join(folder, names[0]!);
  if (there[0] !== names[0]) throw notOurs(join(folder, there[0]!));
  if (form !== "duckdb" && (await contentOf(path)).kind !== KIND_OF_TEXT[form]) throw notOurs(path);
  const keys = KEYS[form](path);
  const lost = await lostOf(warehouse, keys, form === "duckdb" ? path : undefined).catch((error: unknown) => {
    throw isFailure(error, "query.refused") ? notOurs(path) : error;
  });
  if (lost > 0)
    throw new Failure<OthersCode>("query.other-export", {
      message: `${path} holds ${counted(lost, "event that is", "events that are")} not among the new ones, and would be written over`,
      hint: "name another folder with --out; --to parquet adds to what is there",
    });
}

async function lostOf(warehouse: Warehouse, keys: string, database: string | undefined): Promise<number> {
  if (database !== undefined) await warehouse.run(`ATTACH ${literal(database)} AS before (READ_ONLY)`);
  try {
    const [row] = await warehouse.rows(
      `SELECT count(*) AS lost FROM (${keys}) AS old WHERE NOT EXISTS (
         SELECT 1 FROM ${EVENTS.name} AS new WHERE new.run IS NOT DISTINCT FROM old.run AND new.sequence IS NOT DISTINCT FROM old.sequence)`,
    );
    return Number(row?.lost);
  } finally {
    if (database !== undefined) await warehouse.run("DETACH before");
  }
}

function notOurs(path: string): Failure<OthersCode> {
  return new Failure<OthersCode>("query.other-export", {
    message: `${path} is no whole export of this program, and would be written over`,
    hint: "name another folder with --out, or remove that file",
  });
}
