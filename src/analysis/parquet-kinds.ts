import type { DuckDBConnection } from "@duckdb/node-api";
import { type Failure, messageOf } from "../base/error.ts";
import { type EventFile, type SourceCode, sourceFailure } from "./sources/source.ts";
import { EVENTS } from "./views/events.ts";
import { PARTITIONED_BY, STEPS } from "./views/steps.ts";
import { literal } from "./views/view.ts";

/** How files are read whose subnet stands in their folders, and others. */
const IN_FOLDERS = "hive_partitioning=true, hive_types={'netuid': INTEGER, 'date': VARCHAR}";
const WITHIN = "hive_partitioning=false";

/** Columns that files of earlier programs do not have; they read as NULL. */
const LATER: ReadonlySet<string> = new Set(["routed"]);

/** A file that is not read, and why. */
export interface LeftOut {
  path: string;
  /** `sources.damaged` or `sources.empty`. */
  failure: Failure<SourceCode>;
}

export interface ParquetKinds {
  /** Paths by view and by how they are read. */
  kinds: Record<string, Map<string, string[]>>;
  leftOut: LeftOut[];
}

/**
 * Parquet of ours tells by its columns which of the stored views it holds, and whether its folders tell the subnet. A file
 * that is damaged or of something else ends nothing.
 */
export async function kindsOfParquet(
  connection: DuckDBConnection,
  files: readonly EventFile[],
): Promise<ParquetKinds> {
  const kinds: ParquetKinds["kinds"] = {};
  const leftOut: LeftOut[] = [];
  const columns = await columnsOf(connection, files, leftOut);
  for (const { path } of files) {
    const names = columns.get(path);
    if (names === undefined) continue;
    const view = names.has("completions") ? STEPS : EVENTS;
    const isInFolder = !names.has(PARTITIONED_BY) && path.includes(`/${PARTITIONED_BY}=`);
    const missing = Object.keys(view.columns).find(
      (name) => !names.has(name) && !LATER.has(name) && !(isInFolder && name === PARTITIONED_BY),
    );
    if (missing !== undefined) {
      const what = `${path} is Parquet, but not as events export writes it: it has no column ${missing}`;
      const failure = sourceFailure("sources.empty", what, "name the folder that events export made");
      leftOut.push({ path, failure });
      continue;
    }
    const groups = kinds[view.name] ?? new Map<string, string[]>();
    const group = isInFolder ? IN_FOLDERS : WITHIN;
    kinds[view.name] = groups.set(group, [...(groups.get(group) ?? []), path]);
  }
  return { kinds, leftOut };
}

/** Names of the columns of each file, at all depths; asked for all files at once, and by halves where one of them is damaged. */
async function columnsOf(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  leftOut: LeftOut[],
): Promise<Map<string, Set<string>>> {
  if (files.length === 0) return new Map();
  const paths = files.map(({ path }) => literal(path)).join(", ");
  try {
    const found = await connection.runAndReadAll(
      `SELECT file_name, list(DISTINCT name) AS names FROM parquet_schema([${paths}]) GROUP BY file_name`,
    );
    const rows = found.getRowObjectsJS() as { file_name: string; names: string[] }[];
    return new Map(rows.map(({ file_name, names }) => [file_name, new Set(names)]));
  } catch (error) {
    const [file, ...others] = files;
    if (file !== undefined && others.length === 0) {
      const what = `${file.path} cannot be read as Parquet: ${messageOf(error)}`;
      const hint = "a copy that was cut off? get it again, or leave it out";
      leftOut.push({ path: file.path, failure: sourceFailure("sources.damaged", what, hint) });
      return new Map();
    }
    const half = Math.ceil(files.length / 2);
    const first = await columnsOf(connection, files.slice(0, half), leftOut);
    return new Map([...first, ...(await columnsOf(connection, files.slice(half), leftOut))]);
  }
}
