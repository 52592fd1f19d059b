import { existsSync, rmSync } from "node:fs";
import { stopped } from "../question.ts";
import { literal } from "../views/view.ts";
import type { Warehouse } from "../warehouse.ts";
import { languageOf } from "./language.ts";
import { LineFile } from "./line-file.ts";
import { writePieces } from "./pieces.ts";
import { PRIVATE_KINDS, withoutPrivate } from "./private-text.ts";
import { datasetFailure, namesOf, type Recipe } from "./recipe.ts";

/** Why an answer is in no dataset, in the order in which reasons are looked for: the first one counts. */
export const REASONS = {
  name: "other step",
  uncounted: "step that did not count",
  uid: "other uid",
  empty: "no answer",
  reward: "reward too low",
  minimum: "a column too low",
  phrase: "on the blacklist",
  long: "too long",
  language: "other language",
  private: "private data",
  duplicate: "said before",
  near: "nearly said before",
} as const;
export type Reason = keyof typeof REASONS;

/** Bytes of UTF-8 that count as a token: the rule of thumb for English text. */
export const BYTES_PER_TOKEN = 4;

/** Of texts, before they are compressed. */
const PIECE_BYTES = 128_000_000;
/** As for lines of events. */
const MAX_LINE_BYTES = 64 << 20;

/**
 * What a dataset has rows of: the best answer of each step, as the validator told it; the best of those that the filters leave;
 * or all answers. A row is known by run, sequence and position, the place of the answer in its step.
 */
export type Grain = "best" | "best-left" | "answers";

/** One row for each step, made of its best answer; `position` counts from 1. */
const BEST = `
  SELECT run, sequence, coalesce(position, 0) AS position, time, netuid, hotkey, forward, name, task, counted,
    uids[position] AS uid, hotkeys[position] AS miner, 200 AS status_code, prompt, best AS completion,
    rewards[position] AS reward, list_max(list_filter(rewards, lambda r: NOT isnan(r))) AS best_reward, ${columnsAt("position")}
  FROM (SELECT *, list_position(completions, best) AS position FROM steps)`;

/** One row for each answer. */
const ANSWERS = `
  SELECT run, sequence, position, time, netuid, hotkey, forward, name, task, counted, uids[position] AS uid,
    hotkeys[position] AS miner, status_codes[position] AS status_code, prompt, completions[position] AS completion,
    rewards[position] AS reward, NULL::DOUBLE AS best_reward, ${columnsAt("position")}
  FROM (SELECT *, unnest(range(1, len(uids) + 1)) AS position FROM steps)`;

/** Of each step one row: the answer of the highest reward that no reason is against, the first of equal ones. */
const BEST_LEFT = `
  QUALIFY row_number() OVER (PARTITION BY run, sequence
    ORDER BY reason IS NOT NULL, CASE WHEN NOT isnan(reward) THEN reward END DESC NULLS LAST, position) = 1`;

/** The numbers of one answer by name; what is none is left out. */
function columnsAt(position: string): string {
  return `map_from_entries(list_filter(
      list_transform(map_entries(columns), lambda e: {'key': e.key, 'value': e.value[${position}]}),
      lambda e: NOT isnan(e.value))) AS columns`;
}

/** The first reason against a row, NULL for a row to keep. */
function reasonSql(recipe: Recipe): string {
  const { uids, minReward, minima, phrases, maxTokens } = recipe;
  const list = (texts: readonly string[]): string => texts.map(literal).join(", ");
  const names = list(namesOf(recipe));
  const cases: [Reason, string | false][] = [
    ["name", names !== "" && `name NOT IN (${names}) AND coalesce(task, '') NOT IN (${names})`],
    ["uncounted", recipe.counted && "counted IS NOT TRUE"],
    ["uid", uids.length > 0 && `uid IS NULL OR uid NOT IN (${uids.join(", ")})`],
    ["empty", "coalesce(completion, '') = '' OR coalesce(prompt, '') = '' OR status_code <> 200"],
    ["reward", minReward !== undefined && isBelow("reward", minReward)],
    [
      "minimum",
      minima.length > 0 &&
        minima.map(({ name, least }) => `(${isBelow(`columns[${literal(name)}]`, least)})`).join(" OR "),
    ],
    ["phrase", phrases.length > 0 && `completion IN (${list([...new Set(phrases)])})`],
    [
      "long",
      maxTokens !== undefined && `strlen(prompt) + strlen(completion) > ${maxTokens * BYTES_PER_TOKEN}`,
    ],
  ];
  const whens = cases.flatMap(([reason, test]) => (test === false ? [] : [`WHEN ${test} THEN '${reason}'`]));
  return `CASE ${whens.join(" ")} END`;
}

/** What is unknown or no number is below everything; DuckDB has NaN above all. */
function isBelow(value: string, least: number): string {
  return `${value} IS NULL OR isnan(${value}) OR ${value} < ${least}`;
}

/**
 * Brings together what the folder's file holds and what the events add to it: a step that is there stays as it is, and
 * nothing comes twice. Rows that are left out keep their place and the reason, without their texts. Makes the view
 * `kept`, in the order of time, run, sequence and position, with `id` from 0.
 * @param before the file of an earlier run; need not be there
 * @param file where the new one is written
 */
export async function gatherRows(
  warehouse: Warehouse,
  recipe: Recipe,
  { grain, before, file, signal }: { grain: Grain; before: string; file: string; signal: AbortSignal },
): Promise<void> {
  if (!existsSync(before)) await checkColumns(warehouse, recipe);
  const known = existsSync(before) ? `read_parquet(${literal(before)})` : undefined;
  const isNew =
    known === undefined
      ? ""
      : `AND NOT EXISTS (SELECT 1 FROM ${known} AS k WHERE k.run = c.run AND k.sequence = c.sequence)`;
  const rows = grain === "best" ? BEST : ANSWERS;
  // What reads texts looks at the one that is chosen alone: language and private data leave out a step.
  const chosen = grain === "best-left" ? BEST_LEFT : "";
  const screened = `${before}.screened.new`;
  const rowsWithin = async (time: string): Promise<string> => {
    rmSync(screened, { force: true });
    await warehouse.run(`CREATE OR REPLACE TEMP VIEW candidates AS
      SELECT *, ${reasonSql(recipe)} AS reason FROM (${rows}) AS c
      WHERE run IS NOT NULL AND sequence IS NOT NULL AND ${time} ${isNew} ${chosen}`);
    await screen(warehouse, recipe, screened, signal);
    const added = addedSql(existsSync(screened) ? screened : undefined);
    const all =
      known === undefined ? added : `SELECT * FROM ${known} WHERE ${time} UNION ALL BY NAME ${added}`;
    return `SELECT * FROM (${all}) ORDER BY time, run, sequence, position`;
  };
  await writePieces(warehouse, file, await timesOf(warehouse, known), rowsWithin);
  await warehouse.run(`CREATE OR REPLACE TEMP VIEW kept AS
    SELECT *, file_row_number AS id FROM read_parquet(${literal(file)}, file_row_number = true)`);
}

/** A column that no step has would leave out everything, for a slip of the pen. @throws Failure `dataset.conflict` */
async function checkColumns(warehouse: Warehouse, { minima }: Recipe): Promise<void> {
  for (const { name } of minima) {
    const has = `SELECT 1 AS found FROM steps WHERE len(columns[${literal(name)}]) > 0 LIMIT 1`;
    if ((await warehouse.rows(has)).length > 0) continue;
    const rows = await warehouse.rows(
      "SELECT DISTINCT unnest(map_keys(columns)) AS name FROM (SELECT columns FROM steps LIMIT 1000) ORDER BY name",
    );
    if (rows.length === 0) return;
    throw datasetFailure(
      "dataset.conflict",
      `--min names the column ${name}, which no step has`,
      `there are ${rows.map((row) => row.name).join(", ")}`,
    );
  }
}

/** Conditions on `time`, in its order, each of which some hundred megabytes of rows hold for: what is sorted at once. */
async function timesOf(warehouse: Warehouse, known: string | undefined): Promise<string[]> {
  const added =
    "SELECT time, len(uids) * strlen(prompt) + list_sum(list_transform(completions, lambda c: strlen(c))) AS bytes FROM steps";
  const there = `SELECT time, strlen(prompt) + strlen(completion) AS bytes FROM ${known}`;
  const starts = await warehouse.rows(
    `SELECT epoch_us(min(time)) AS start FROM (
       SELECT time, sum(bytes) OVER (ORDER BY time) // ${PIECE_BYTES} AS piece FROM (
         SELECT time, sum(coalesce(bytes, 0)) AS bytes FROM (${known === undefined ? added : `${added} UNION ALL ${there}`})
         WHERE time IS NOT NULL GROUP BY time
       )
     ) GROUP BY piece ORDER BY start`,
  );
  // Rows without a time come last, as they are sorted.
  const at = starts.slice(1).map(({ start }) => `make_timestamp(${start})`);
  if (at.length === 0) return ["true"];
  return [
    `time < ${at[0]}`,
    ...at.slice(1).map((end, before) => `time >= ${at[before]} AND time < ${end}`),
    `(time >= ${at.at(-1)} OR time IS NULL)`,
  ];
}

/** What the texts themselves said, by key: JSON lines. */
const SCREENED = {
  run: "VARCHAR",
  sequence: "BIGINT",
  position: "BIGINT",
  against: "VARCHAR",
  prompt: "VARCHAR",
  completion: "VARCHAR",
};

/** The candidates as they are kept, with what reading their texts gave. */
function addedSql(screened: string | undefined): string {
  const types = Object.entries({
    ...SCREENED,
    ...Object.fromEntries(PRIVATE_KINDS.map((kind) => [kind, "INTEGER"])),
  });
  const list = types.map(([name, type]) => `${literal(name)}: '${type}'`).join(", ");
  const file =
    screened === undefined
      ? `(SELECT ${types.map(([name, type]) => `NULL::${type} AS ${name}`).join(", ")} WHERE false)`
      : `read_json(${literal(screened)}, format='newline_delimited', maximum_object_size=${MAX_LINE_BYTES}, columns={${list}})`;
  const inKept = (value: string): string =>
    `CASE WHEN coalesce(x.against, c.reason) IS NULL THEN ${value} END`;
  return `SELECT c.run, c.sequence, c.position::INTEGER AS position, c.time, c.netuid, c.hotkey, c.forward, c.name, c.task,
      c.uid, c.miner, ${inKept("coalesce(x.prompt, c.prompt)")} AS prompt,
      ${inKept("coalesce(x.completion, c.completion)")} AS completion,
      CASE WHEN NOT isnan(c.reward) THEN c.reward END AS reward, c.best_reward, ${inKept("c.columns")} AS columns,
      coalesce(x.against, c.reason) AS reason,
      ${PRIVATE_KINDS.map((kind) => `coalesce(x.${kind}, 0)::INTEGER AS ${kind}`).join(", ")}
    FROM candidates AS c LEFT JOIN ${file} AS x USING (run, sequence, position)`;
}

/** Reads the texts themselves, where language or private data decide, and writes what came of it beside the rows. */
async function screen(
  warehouse: Warehouse,
  { languages, privacy }: Recipe,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (languages.length === 0 && privacy === "keep") return;
  const spoken = new Set(languages);
  const out = new LineFile(path);
  // The answers to one prompt come together, more often than not.
  let last = { raw: "", clean: withoutPrivate("") };
  const { chunks } = await warehouse.stream(
    "SELECT run, sequence, position, prompt, completion FROM candidates WHERE reason IS NULL",
  );
  for await (const rows of chunks) {
    if (signal.aborted) throw stopped();
    for (const [run, sequence, position, prompt, completion] of rows as [
      string,
      number,
      number,
      string,
      string,
    ][]) {
      const key = { run, sequence, position };
      if (spoken.size > 0 && !spoken.has(languageOf(completion))) {
        out.write(`${JSON.stringify({ ...key, against: "language" satisfies Reason })}\n`);
        continue;
      }
      if (privacy === "keep") continue;
      if (last.raw !== prompt) last = { raw: prompt, clean: withoutPrivate(prompt) };
      const clean = withoutPrivate(completion);
      if (last.clean.total + clean.total === 0) continue;
      const counts = Object.fromEntries(
        PRIVATE_KINDS.map((kind) => [kind, last.clean.counts[kind] + clean.counts[kind]]),
      );
      const result =
        privacy === "drop"
          ? { against: "private" satisfies Reason }
          : { prompt: last.clean.text, completion: clean.text };
      out.write(`${JSON.stringify({ ...key, ...counts, ...result })}\n`);
    }
  }
  out.end();
}
