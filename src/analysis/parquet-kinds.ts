import type { DuckDBConnection } from "@duckdb/node-api";
import { messageOf } from "../base/error.ts";
import { type EventFile, sourceFailure } from "./sources/source.ts";
import { EVENTS } from "./views/events.ts";
import { PARTITIONED_BY, STEPS } from "./views/steps.ts";
import { literal } from "./views/view.ts";

/** How files are read whose subnet stands in their folders, and others. */
const IN_FOLDERS = "hive_partitioning=true, hive_types={'netuid': INTEGER, 'date': VARCHAR}";
const WITHIN = "hive_partitioning=false";

/** Columns that files of earlier programs do not have; they read as NULL. */
const LATER: ReadonlySet<string> = new Set(["routed"]);

/**
 * Parquet of ours tells by its columns which of the stored views it holds, and whether its folders tell the subnet.
 * @returns paths by view and by how they are read
 * @throws Failure `sources.damaged`, `sources.empty`
 */
export async function kindsOfParquet(
  connection: DuckDBConnection,
  files: readonly EventFile[],
): Promise<Record<string, Map<string, string[]>>> {
  const kinds: Record<string, Map<string, string[]>> = {};
  for (const { path } of files) {
    const found = await connection
      .runAndReadAll(`SELECT name FROM parquet_schema(${literal(path)})`)
      .catch((error: unknown) => {
        const hint = "a copy that was cut off? get it again, or leave it out";
        throw sourceFailure(
          "sources.damaged",
          `${path} cannot be read as Parquet: ${messageOf(error)}`,
          hint,
        );
      });
    const names = new Set(found.getRowObjectsJS().map(({ name }) => String(name)));
    const view = names.has("completions") ? STEPS : EVENTS;
    const isInFolder = !names.has(PARTITIONED_BY) && path.includes(`/${PARTITIONED_BY}=`);
    const missing = Object.keys(view.columns).find(
      (name) => !names.has(name) && !LATER.has(name) && !(isInFolder && name === PARTITIONED_BY),
    );
    if (missing !== undefined)
      throw sourceFailure(
        "sources.empty",
        `${path} is Parquet, but not as events export writes it: it has no column ${missing}`,
        "name the folder that events export made",
      );
    const groups = kinds[view.name] ?? new Map<string, string[]>();
    const group = isInFolder ? IN_FOLDERS : WITHIN;
    kinds[view.name] = groups.set(group, [...(groups.get(group) ?? []), path]);
  }
  return kinds;
}
