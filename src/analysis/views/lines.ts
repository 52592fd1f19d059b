import { EVENT_KINDS, eventBase } from "../../events/schema.ts";
import type { Compression, EventFile } from "../sources/source.ts";
import type { EVENTS } from "./events.ts";
import { INFERENCE_TYPE, STAGES_TYPE, type STEPS } from "./steps.ts";
import { identifier, literal } from "./view.ts";

/**
 * A line with more is damage, or an attack: 1000 miners with all that a step records of them take less. DuckDB holds two of
 * them for each thread.
 */
const MAX_LINE_BYTES = 16 << 20;
const COMPRESSIONS: Record<Compression, string> = { none: "uncompressed", zstd: "zstd", gzip: "gzip" };

const KEY_FIELDS = { run: "VARCHAR", sequence: "BIGINT", kind: "VARCHAR" };

/** What every event has, as DuckDB reads it. */
const EVENT_FIELDS = {
  ...KEY_FIELDS,
  time: "VARCHAR",
  version: "INTEGER",
  netuid: "INTEGER",
  hotkey: "VARCHAR",
  genesis: "VARCHAR",
  block: "BIGINT",
};

/** Fields of a step event as DuckDB reads them. */
const STEP_FIELDS = {
  run: "VARCHAR",
  sequence: "BIGINT",
  time: "VARCHAR",
  kind: "VARCHAR",
  version: "INTEGER",
  netuid: "INTEGER",
  hotkey: "VARCHAR",
  block: "BIGINT",
  step: "BIGINT",
  name: "VARCHAR",
  task: "VARCHAR",
  origin: "VARCHAR",
  forward: "VARCHAR",
  step_length: "DOUBLE",
  stages: STAGES_TYPE,
  inference: INFERENCE_TYPE,
  prompt: "VARCHAR",
  base_prompt: "VARCHAR",
  uids: "INTEGER[]",
  hotkeys: "VARCHAR[]",
  completions: "VARCHAR[]",
  completion_times: "DOUBLE[]",
  completion_status_codes: "INTEGER[]",
  completion_status_messages: "VARCHAR[]",
  rewards: "DOUBLE[]",
  routed: "INTEGER[]",
  gating_loss: "DOUBLE",
  best: "VARCHAR",
  nan_columns: "VARCHAR[]",
  counted: "BOOLEAN",
  cause: "VARCHAR",
} as const;

/** Fields that are told apart from columns of models and masks, and what the reading puts beside them. */
const FIXED = [...Object.keys(eventBase.shape), ...Object.keys(EVENT_KINDS.step.shape), "filename"];

/** Lines of files, which are read for each question, or those of them that a table holds. */
export interface Lines {
  files: readonly EventFile[];
  /** With the columns `json` and `filename`. */
  table?: string;
}

/** The newest steps of a number, or that asked a miner: all that some questions want to know of, and of the runs. */
export type Wanted = { step: number } | { uid: number };

/** So many copies of an event are looked through, at the least. */
const MAX_COPIES = 64;

function lists(values: readonly string[]): string {
  return `[${values.map(literal).join(", ")}]`;
}

/**
 * The lines of the newest steps that are wanted, of all `run` events, and those that are none, in one reading.
 * @param newest how many steps
 */
export function wantedSql(files: readonly EventFile[], wanted: Wanted, newest: number): string {
  const condition =
    "step" in wanted
      ? `told[5] = '${wanted.step}'`
      : `list_contains(TRY_CAST(told[6] AS INTEGER[]), ${wanted.uid})`;
  const fields = ["kind", "time", "run", "sequence", "step", "uids"].map((name) => `$.${name}`);
  return `SELECT unnest(list_concat(others, steps), recursive := true) FROM (
      SELECT list(line) FILTER (WHERE told[1] IS NULL OR told[1] = 'run') AS others,
        max_by(line, (TRY_CAST(told[2] AS TIMESTAMP), told[3], TRY_CAST(told[4] AS BIGINT)), ${newest * MAX_COPIES}) FILTER (WHERE told[1] = 'step' AND ${condition}) AS steps
      FROM (SELECT {'json': json, 'filename': filename} AS line, json_extract_string(json, ${lists(fields)}) AS told FROM (${objects({ files })}))
    )`;
}

/** Lines as JSON objects; a line that is none gives NULL. */
function objects({ files, table }: Lines): string {
  if (table !== undefined) return `SELECT json, filename FROM ${table}`;
  return scans(
    files,
    (paths, compression) =>
      `SELECT json, filename FROM read_ndjson_objects(${paths}, compression='${compression}', ignore_errors=true, maximum_object_size=${MAX_LINE_BYTES}, filename=true)`,
  );
}

/** Some fields of lines; all NULL in a line that is no JSON object. */
function records({ files, table }: Lines, fields: Readonly<Record<string, string>>): string {
  if (table !== undefined)
    return `SELECT unnest(from_json(json, ${literal(JSON.stringify(fields))})), filename FROM ${table}`;
  const types = Object.entries(fields).map(([name, type]) => `${literal(name)}: '${type}'`);
  return scans(
    files,
    (paths, compression) =>
      `SELECT * FROM read_json(${paths}, format='newline_delimited', compression='${compression}', ignore_errors=true, maximum_object_size=${MAX_LINE_BYTES}, filename='filename', columns={${types.join(", ")}})`,
  );
}

/** One scan for each compression that the files have. */
function scans(files: readonly EventFile[], scan: (paths: string, compression: string) => string): string {
  const groups = Map.groupBy(files, ({ compression }) => compression);
  return [...groups]
    .map(([kind, group]) => scan(lists(group.map(({ path }) => path)), COMPRESSIONS[kind]))
    .join(" UNION ALL ");
}

/** What each file is known by, as a map from its path. */
function sourceOf({ files }: Lines): string {
  return `MAP {${files.map(({ path, source }) => `${literal(path)}: ${literal(source)}`).join(", ")}}[filename]`;
}

/** The place of a line's file among the files, by the column `filename`. */
export function placeAmong(files: readonly EventFile[]): string {
  return `MAP {${files.map(({ path }, at) => `${literal(path)}: ${at}`).join(", ")}}[filename]`;
}

/** Where each event lies: `run`, `sequence`, `kind` (NULL in a line that is no event) and `file`, its place among the files. */
export function keysSql(lines: Lines): string {
  return `SELECT run, sequence, kind, ${placeAmong(lines.files)} AS file FROM (${records(lines, KEY_FIELDS)})`;
}

/** Names of the columns of models, masks and penalties that any step has. */
export function namesSql(lines: Lines): string {
  // DuckDB knows names by their letters alone, large or small, and cannot be told one with a NUL.
  return `SELECT min(name) AS name FROM (
      SELECT unnest(names) AS name
      FROM (SELECT DISTINCT json_keys(json) AS names FROM (${objects(lines)}) WHERE json->>'$.kind' = 'step')
    ) WHERE NOT contains(name, chr(0)) AND lower(name) NOT IN (${FIXED.map((name) => literal(name.toLowerCase())).join(", ")}) GROUP BY lower(name)`;
}

/** Events of all kinds from lines. */
export function eventsSql(lines: Lines): string {
  const nothing = `'${JSON.stringify(Object.fromEntries(Object.keys(eventBase.shape).map((key) => [key, null])))}'`;
  const fields = Object.entries(EVENT_FIELDS).map(
    ([name, type]) => `TRY_CAST(json->>'$.${name}' AS ${type}) AS ${name}`,
  );
  const others = `SELECT ${fields.join(", ")}, json_merge_patch(json, ${nothing}) AS body, filename
    FROM (${objects(lines)}) WHERE json->>'$.kind' <> 'step'`;
  // Most of a journal are steps, whose few fields are read without the rest.
  const steps = `SELECT ${Object.keys(EVENT_FIELDS).join(", ")}, NULL::JSON AS body, filename
    FROM (${records(lines, EVENT_FIELDS)}) WHERE kind = 'step'`;
  return `SELECT * REPLACE (TRY_CAST(time AS TIMESTAMP) AS time), ${sourceOf(lines)} AS source
    FROM (${others} UNION ALL ${steps})`;
}

/** Steps from lines, in one reading. @param names columns of models, masks and penalties that any of them has */
export function stepsSql(lines: Lines, names: readonly string[]): string {
  const fields = { ...STEP_FIELDS, ...Object.fromEntries(names.map((name) => [name, "DOUBLE[]"])) };
  // The journal writes NaN as null, and names the columns in which null means that.
  const entry = (name: string): string =>
    `{'key': ${literal(name)}, 'value': CASE WHEN list_contains(nan_columns, ${literal(name)}) THEN list_transform(${identifier(name)}, lambda v: coalesce(v, 'nan'::DOUBLE)) ELSE ${identifier(name)} END}`;
  const columns =
    names.length === 0
      ? "MAP {}::MAP(VARCHAR, DOUBLE[])"
      : `map_from_entries(list_filter([${names.map(entry).join(", ")}], lambda e: e.value IS NOT NULL))`;
  return `SELECT run, sequence, TRY_CAST(time AS TIMESTAMP) AS time, ${sourceOf(lines)} AS source, hotkey, netuid, block,
      step, forward, name, task, origin, prompt, base_prompt, counted, step_length AS step_length_s, best, gating_loss,
      cause, len(uids)::INTEGER AS answers,
      len(list_filter(completion_status_codes, lambda c: c = 200))::INTEGER AS answered,
      list_avg(rewards) AS mean_reward, list_max(rewards) AS best_reward, stages, inference, uids, hotkeys, completions,
      completion_times AS completion_times_s, completion_status_codes AS status_codes,
      completion_status_messages AS status_messages, rewards, routed, ${columns} AS columns, filename
    FROM (${records(lines, fields)}) WHERE kind = 'step' AND uids IS NOT NULL`;
}

/** Columns of a stored view, by name, in the order of the table. */
export function columnList(view: typeof EVENTS | typeof STEPS): string {
  return Object.keys(view.columns).map(identifier).join(", ");
}
