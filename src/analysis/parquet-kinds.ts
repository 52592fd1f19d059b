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

/** Files that one reading takes: the first tells the columns of all, so that a question opens no other to know them. */
export interface ParquetGroup {
  /** Name of the stored view. */
  view: string;
  /** How DuckDB is to read them. */
  options: string;
  paths: string[];
  rows: number;
}

export interface ParquetKinds {
  groups: ParquetGroup[];
  leftOut: LeftOut[];
}

/** What the end of a file tells. */
interface Told {
  /** Of columns at all depths. */
  names: Set<string>;
  /** Equal in files whose columns have the same names, types and order. */
  form: string;
  rows: number;
}

/**
 * Parquet of ours tells by its columns which of the stored views it holds, and whether its folders tell the subnet. A file
 * that is damaged or of something else ends nothing.
 */
export async function kindsOfParquet(
  connection: DuckDBConnection,
  files: readonly EventFile[],
): Promise<ParquetKinds> {
  const groups = new Map<string, ParquetGroup>();
  const leftOut: LeftOut[] = [];
  const ends = await endsOf(connection, files, leftOut);
  for (const { path } of files) {
    const told = ends.get(path);
    if (told === undefined) continue;
    const { names, form, rows } = told;
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
    const options = isInFolder ? IN_FOLDERS : WITHIN;
    const key = `${options} ${form}`;
    const group = groups.get(key) ?? { view: view.name, options, paths: [], rows: 0 };
    group.paths.push(path);
    group.rows += rows;
    groups.set(key, group);
  }
  return { groups: [...groups.values()], leftOut };
}

/** Looked up for all files at once, and by halves where one of them is damaged. */
async function endsOf(
  connection: DuckDBConnection,
  files: readonly EventFile[],
  leftOut: LeftOut[],
): Promise<Map<string, Told>> {
  if (files.length === 0) return new Map();
  const paths = files.map(({ path }) => literal(path)).join(", ");
  try {
    const found = await connection.runAndReadAll(
      `SELECT file_name, names, form, num_rows::DOUBLE AS rows FROM parquet_file_metadata([${paths}]) JOIN (
         SELECT file_name, list(name) AS names,
           string_agg(concat_ws(' ', name, type, num_children, converted_type, logical_type), ',' ORDER BY column_id) AS form
         FROM parquet_schema([${paths}]) GROUP BY file_name
       ) USING (file_name)`,
    );
    const rows = found.getRowObjectsJS() as unknown as (Omit<Told, "names"> & {
      file_name: string;
      names: string[];
    })[];
    return new Map(
      rows.map(({ file_name, names, ...told }) => [file_name, { ...told, names: new Set(names) }]),
    );
  } catch (error) {
    const [file, ...others] = files;
    if (file !== undefined && others.length === 0) {
      const what = `${file.path} cannot be read as Parquet: ${messageOf(error)}`;
      const hint = "a copy that was cut off? get it again, or leave it out";
      leftOut.push({ path: file.path, failure: sourceFailure("sources.damaged", what, hint) });
      return new Map();
    }
    const half = Math.ceil(files.length / 2);
    const first = await endsOf(connection, files.slice(0, half), leftOut);
    return new Map([...first, ...(await endsOf(connection, files.slice(half), leftOut))]);
  }
}
