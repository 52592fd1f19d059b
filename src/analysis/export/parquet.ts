import { readdirSync } from "node:fs";
import { join } from "node:path";
import { putInPlace } from "../../base/atomic.ts";
import { firstLineOf, isFailure } from "../../base/error.ts";
import { sha256OfFile } from "../../base/file-hash.ts";
import { inFolder } from "../../base/in-folder.ts";
import { sourceFailure } from "../sources/source.ts";
import { PARTITIONED_BY } from "../views/steps.ts";
import { identifier, literal, type View } from "../views/view.ts";
import { STORED } from "../views/views.ts";
import type { Value, Warehouse } from "../warehouse.ts";
import { aloneIn } from "./alone.ts";
import { writeSchema } from "./schema.ts";

/**
 * What is in a file has as many bytes before it is compressed, and one line of events more (16 MiB at most): below 50 MB
 * whatever it is, and little enough to hold in memory.
 */
const FILE_BYTES = 32_000_000;
/** A file is one group of rows: threads would end groups at other rows on other machines, which makes other bytes. */
const GROUP_ROWS = 2 ** 30;
/** Digits of the hash of its bytes that name a file: 128 bits. */
const NAME_HEX = 32;
/** As Hive writes what it has no value for. */
const NO_VALUE = "__HIVE_DEFAULT_PARTITION__";
const EXPORTED = /^netuid=[^/]+\/date=[^/]+\/[^/]+\.parquet$/;

/** What an export came to, by view. */
export interface Exported {
  view: string;
  files: number;
  rows: number;
}

/**
 * Adds what is not there yet to a folder of Parquet: `<view>/netuid=<N>/date=<YYYY-MM-DD>/<hash>.parquet`, which DuckDB,
 * pandas, polars, Spark, Trino and ClickHouse read as one table. Names are hashes of the contents, so that the same events
 * make the same files; each is put in its place whole, so that an export that was killed is gone on with by the next.
 * @param folder was among the writable ones of the warehouse
 */
export async function exportParquet(warehouse: Warehouse, folder: string): Promise<Exported[]> {
  return await aloneIn(folder, async (work) => {
    const done: Exported[] = [];
    for (const view of STORED) {
      const own = join(folder, view.name);
      done.push(await inFolder(own, () => exportView(warehouse, view, own, work)));
    }
    writeSchema(
      folder,
      STORED,
      `Parquet in \`<view>/netuid=<N>/date=<day, UTC>/\`; types are those of DuckDB. \`${PARTITIONED_BY}\` stands in the names of the folders.`,
    );
    return done;
  });
}

async function exportView(warehouse: Warehouse, view: View, folder: string, work: string): Promise<Exported> {
  const exported: Exported = { view: view.name, files: 0, rows: 0 };
  const fresh = `SELECT * FROM ${view.name} AS new WHERE ${await notYet(warehouse, view, folder)}`;
  const parts = await warehouse.rows(
    `SELECT netuid, CAST(CAST(time AS DATE) AS VARCHAR) AS date, count(*) AS rows FROM (${fresh}) GROUP BY ALL ORDER BY ALL`,
  );
  for (const { netuid, date, rows } of parts) {
    exported.files += await exportPart(warehouse, { view, fresh, netuid, date }, folder, work);
    exported.rows += Number(rows);
  }
  return exported;
}

/** A condition on `new` that holds for events that no file has. */
async function notYet(warehouse: Warehouse, view: View, folder: string): Promise<string> {
  // One by one: a pattern would take brackets in the name of the folder for its own.
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => EXPORTED.test(path))
    .map((path) => literal(join(folder, path)));
  if (files.length === 0) return "true";
  const name = `exported_${view.name}`;
  const keys = `SELECT run, sequence FROM read_parquet([${files.join(", ")}], hive_partitioning = false)`;
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${keys}`).catch((error: unknown) => {
    if (!isFailure(error, "query.refused")) throw error;
    throw sourceFailure(
      "sources.damaged",
      `what is in ${folder} cannot be added to: ${firstLineOf(error.cause)}`,
      "remove that file: what was in it is written again",
    );
  });
  return `NOT EXISTS (SELECT 1 FROM ${name} AS old WHERE old.run IS NOT DISTINCT FROM new.run AND old.sequence IS NOT DISTINCT FROM new.sequence)`;
}

interface Part {
  view: View;
  fresh: string;
  netuid: Value | undefined;
  date: Value | undefined;
}

async function exportPart(
  warehouse: Warehouse,
  { view, fresh, netuid, date }: Part,
  folder: string,
  work: string,
): Promise<number> {
  const columns = Object.keys(view.columns).filter((name) => name !== PARTITIONED_BY);
  const rows = `(${fresh}) AS row WHERE netuid IS NOT DISTINCT FROM ${netuid ?? "NULL"} AND ${dayOf(date)}`;
  await warehouse.run(
    `CREATE OR REPLACE TEMP TABLE file_keys AS
     SELECT run, sequence, CAST((sum(bytes) OVER (ORDER BY run, sequence) - bytes) // ${FILE_BYTES} AS INTEGER) AS file
     FROM (SELECT run, sequence, sum(${bytesOf(view)}) AS bytes FROM ${rows} GROUP BY run, sequence)`,
  );
  const files = await warehouse.rows("SELECT DISTINCT file FROM file_keys ORDER BY file");
  const target = join(folder, `netuid=${netuid ?? NO_VALUE}`, `date=${date ?? NO_VALUE}`);
  const written = join(work, "part");
  const writeOne = async (file: Value | undefined): Promise<void> => {
    const isIn = `EXISTS (SELECT 1 FROM file_keys AS key WHERE key.file = ${file} AND key.run IS NOT DISTINCT FROM row.run AND key.sequence IS NOT DISTINCT FROM row.sequence)`;
    await warehouse.run(
      `COPY (SELECT ${columns.map(identifier).join(", ")} FROM ${rows} ${files.length > 1 ? `AND ${isIn}` : ""} ORDER BY run, sequence)
       TO ${literal(written)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${GROUP_ROWS})`,
    );
    const named = (await sha256OfFile(written)).slice(0, NAME_HEX);
    putInPlace(written, join(target, `${named}.parquet`));
  };
  for (const { file } of files) await inFolder(target, () => writeOne(file));
  return files.length;
}

const NUMBER_BYTES = 8;

/** About the bytes of a row, as SQL: what may be long is counted, all else taken for a number. */
function bytesOf(view: View): string {
  const sizes = Object.entries(view.columns).map(([column, { type }]) => {
    const name = identifier(column);
    if (type === "VARCHAR" || type === "JSON") return `strlen(${name})`;
    if (type === "VARCHAR[]") return `list_sum(list_transform(${name}, lambda t: strlen(t)))`;
    if (type.startsWith("MAP"))
      return `list_sum(list_transform(map_values(${name}), lambda v: len(v))) * ${NUMBER_BYTES}`;
    return type.endsWith("[]") ? `len(${name}) * ${NUMBER_BYTES}` : String(NUMBER_BYTES);
  });
  return sizes.map((size) => `coalesce(${size}, 0)`).join(" + ");
}

/** As a range, which finds the place in a table that is in the order of time. */
function dayOf(date: Value | undefined): string {
  if (date === null || date === undefined) return "time IS NULL";
  const start = `${literal(String(date))}::DATE`;
  return `time >= ${start}::TIMESTAMP AND time < (${start} + 1)::TIMESTAMP`;
}

/** The lines of PySpark that load such a folder. */
export function sparkLines(folder: string): string {
  const quoted = JSON.stringify(folder);
  return `from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.appName("openvalidator").getOrCreate()
steps = spark.read.option("mergeSchema", "true").parquet(${quoted} + "/steps")
events = spark.read.option("mergeSchema", "true").parquet(${quoted} + "/events")
answers = steps.select(
    "run", "sequence", "time", "task", "prompt",
    F.explode(F.arrays_zip("uids", "completions", "rewards")).alias("answer"),
).select("run", "sequence", "time", "task", "prompt", "answer.*")
answers.groupBy("uids").agg(F.avg("rewards"), F.count("*")).show()
`;
}
