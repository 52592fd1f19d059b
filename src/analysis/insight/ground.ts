import { Failure } from "../../base/error.ts";
import { type ColumnKind, kindsOfColumns } from "../../events/column-kinds.ts";
import { literal } from "../views/view.ts";
import type { Ask } from "./ask.ts";

/** The filters of a question leave no step of those that are there. */
export type AnalysisCode = "analysis.empty";

/** What of the sources is looked at. */
export interface Scope {
  /** Nothing older; milliseconds since 1970. */
  sinceMs?: number | undefined;
  /** Answers of this miner alone, in the steps that asked it. */
  uid?: number | undefined;
  /** Steps of this name (`answer0`) or task (`answer`). */
  name?: string | undefined;
  /** How many uids, texts and runs a list shows. */
  top: number;
}

/** Lines over time have at most so many points, which a terminal and a page can both draw. */
const POINTS = 48;
/** Steps that a point should stand for, so that a pace of few steps does not look like a wave. */
const STEPS_A_POINT = 5;
/** Above this many answers quantiles are t-digests: exact ones would hold every value in memory. */
const EXACT_ANSWERS = 5_000_000;
/** A group of four hashes and a count takes some 100 bytes. */
const PIECE_ANSWERS = 4_000_000;
/** Of a text, what is looked at to find equal ones, characters; miners are cut to less by the validator. */
const TEXT_CHARACTERS = 4000;
/** A run of what is no letter, unless it is one space, which would become one: the most of them by far, and each costs time. */
const NO_LETTERS = "[^\\p{L} ]\\P{L}*| \\P{L}+";
/** Of a text's beginning, what makes two the same template, letters and spaces. */
const OPENING_CHARACTERS = 48;
/** No profile has as many; each is compared with each other. */
const MAX_COLUMNS = 40;

/**
 * Facts of steps and answers without their texts, made once, so that each question reads a narrow table: a text is
 * there as three hashes (as it is, by its letters alone, by its first letters), a hotkey as one. DuckDB puts on disk what memory does
 * not hold.
 */
export interface Ground {
  readonly ask: Ask;
  readonly scope: Scope;
  /** What each column of rewards, masks and penalties is for; details and normalised ones are not among them. */
  readonly columns: ReadonlyMap<string, ColumnKind>;
  /** Relation of the answers that are told of: all, or those of one uid. */
  readonly answers: string;
  readonly steps: number;
  readonly answerCount: number;
  /** First and last step, milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Width of a point in time. */
  readonly pointMs: number;
  readonly isApproximate: boolean;
  /** In so many pieces answers are grouped by what most of them have alone: each piece fits into memory. */
  readonly pieces: number;
}

/** The relation of a view within the scope; `time` is a column of every view but `runs`. */
export function within(view: string, scope: Scope): string {
  const conditions = ["time IS NOT NULL"];
  if (scope.sinceMs !== undefined) conditions.push(`epoch_ms(time) >= ${scope.sinceMs}`);
  if (scope.name !== undefined && view === "steps")
    conditions.push(`(name = ${literal(scope.name)} OR task = ${literal(scope.name)})`);
  if (scope.uid !== undefined && view === "steps")
    conditions.push(`list_contains(uids, ${Math.trunc(scope.uid)})`);
  return `(SELECT * FROM ${view} WHERE ${conditions.join(" AND ")})`;
}

/** Makes the tables that the questions read. */
export async function layGround(ask: Ask, scope: Scope): Promise<Ground> {
  const steps = within("steps", scope);
  await ask.rows(`CREATE OR REPLACE TABLE step_facts AS
    SELECT hash(run, sequence) AS id, run, epoch_ms(time)::BIGINT AS ms, name, task, step_length_s, gating_loss, counted,
      len(uids)::INTEGER AS asked, len(list_filter(status_codes, lambda code: code = 200))::INTEGER AS answered,
      mean_reward, best_reward, hash(prompt) AS prompt, stages.choose_ms AS choose_ms, stages.ask_ms AS ask_ms,
      stages.judge_ms AS judge_ms, stages.train_ms AS train_ms, stages.save_ms AS save_ms,
      inference.queue_ms AS queue_ms, inference.compute_ms AS compute_ms, stages.parts AS parts
    FROM ${steps}`);
  const [size] = await ask.rows(`SELECT count(*)::DOUBLE AS steps, coalesce(sum(asked), 0)::DOUBLE AS answers,
    min(ms)::DOUBLE AS first, max(ms)::DOUBLE AS last FROM step_facts`);
  const { steps: count, answers, first, last } = size as Record<string, number | null>;
  const fromMs = first ?? 0;
  const toMs = last ?? 0;
  const points = Math.min(POINTS, Math.max(1, Math.ceil((count ?? 0) / STEPS_A_POINT)));
  const pointMs = Math.max(1, Math.ceil((toMs - fromMs + 1) / points));
  const columns = await columnsIn(ask, steps);
  await ask.rows(
    `CREATE OR REPLACE TABLE miner_names AS SELECT DISTINCT hash(name) AS miner, name FROM (SELECT unnest(hotkeys) AS name FROM ${steps})`,
  );
  await ask.rows(answerFacts(steps, columns, fromMs, pointMs));
  return {
    ask,
    scope,
    columns,
    answers:
      scope.uid === undefined ? "answer_facts" : `(SELECT * FROM answer_facts WHERE uid = ${scope.uid})`,
    steps: count ?? 0,
    answerCount: answers ?? 0,
    fromMs,
    toMs,
    pointMs,
    isApproximate: (answers ?? 0) > EXACT_ANSWERS,
    pieces: Math.max(1, Math.ceil((answers ?? 0) / PIECE_ANSWERS)),
  };
}

/**
 * Sources may have no steps, and still weights to tell of; a filter that leaves none of some is a mistake.
 * @throws Failure `analysis.empty`
 */
export async function checkScope(ask: Ask, scope: Scope): Promise<void> {
  const { sinceMs, name, uid } = scope;
  if (sinceMs === undefined && name === undefined && uid === undefined) return;
  const [all] = await ask.rows(
    `SELECT count(*)::DOUBLE AS steps, string_agg(DISTINCT task, ', ' ORDER BY task) AS tasks, CAST(max(time) AS VARCHAR) AS last,
      (SELECT count(*)::DOUBLE FROM ${within("steps", scope)}) AS left_steps FROM steps`,
  );
  const { steps, tasks, last, left_steps } = all as Record<string, number | string | null>;
  if (steps === 0 || left_steps !== 0) return;
  const filters = [
    sinceMs !== undefined && `since ${new Date(sinceMs).toISOString()}`,
    name !== undefined && `named ${JSON.stringify(name)}`,
    uid !== undefined && `that asked the miner ${uid}`,
  ];
  throw new Failure<AnalysisCode>("analysis.empty", {
    message: `none of ${steps} steps is one ${filters.filter((filter) => filter !== false).join(", ")}`,
    hint: `tasks there are ${tasks}; the last step was at ${last} UTC; openvalidator miners tells who was asked`,
  });
}

async function columnsIn(ask: Ask, steps: string): Promise<Map<string, ColumnKind>> {
  const rows = await ask.rows(
    `SELECT DISTINCT name FROM (SELECT unnest(map_keys(columns)) AS name FROM ${steps}) ORDER BY name`,
  );
  const kinds = kindsOfColumns(rows.map(({ name }) => String(name)));
  return new Map([...kinds].filter(([, kind]) => kind !== "detail").slice(0, MAX_COLUMNS));
}

/** Columns of the sources with the names of their own here: theirs may be any text, and equal but for their case. */
function namesHere(columns: ReadonlyMap<string, ColumnKind>): Map<string, string> {
  const names = [...columns].flatMap(([name, kind]) =>
    kind === "model" ? [name, `${name}_normalized`] : [name],
  );
  return new Map(names.map((name, at) => [name, `n${at}`]));
}

/** The column of answer_facts that has these numbers: of a model also by `<name>_normalized`. */
export function factOf({ columns }: Ground, name: string): string {
  return namesHere(columns).get(name)!;
}

/** Lists of a step are unnested side by side; a shorter one gives NULL. */
function answerFacts(
  steps: string,
  columns: ReadonlyMap<string, ColumnKind>,
  fromMs: number,
  pointMs: number,
): string {
  const names = [...namesHere(columns)];
  const lists = names.map(
    ([name, here]) => `unnest(map_extract_value(columns, ${literal(name)})) AS ${here}`,
  );
  const numbers = names.map(([, here]) => `CASE WHEN isfinite(${here}) THEN ${here} END AS ${here}`);
  return `CREATE OR REPLACE TABLE answer_facts AS
    SELECT id, ms, ((ms - ${fromMs}) // ${pointMs})::INTEGER AS point, task, counted, position, uid, miner, time_s,
      status, reward, routed, reward > 0 AND reward = best_reward AS is_best, length(completion)::INTEGER AS length, hash(completion) AS exact,
      hash(letters) AS near, hash(left(letters, ${OPENING_CHARACTERS})) AS opening, prompt${numbers.map((sql) => `, ${sql}`).join("")}
    FROM (SELECT *, trim(regexp_replace(lower(left(completion, ${TEXT_CHARACTERS})), '${NO_LETTERS}', ' ', 'g')) AS letters
      FROM (SELECT hash(run, sequence) AS id, epoch_ms(time)::BIGINT AS ms, task, counted, best_reward,
          hash(prompt) AS prompt, generate_subscripts(uids, 1)::INTEGER AS position, unnest(uids)::INTEGER AS uid,
          unnest(list_transform(hotkeys, lambda hotkey: hash(hotkey))) AS miner, unnest(completions) AS completion, unnest(completion_times_s) AS time_s,
          unnest(status_codes)::INTEGER AS status, unnest(rewards) AS reward, unnest(routed) = 1 AS routed${lists.map((sql) => `, ${sql}`).join("")}
        FROM ${steps}))
    WHERE uid IS NOT NULL`;
}

/** Names of the columns of these kinds. */
export function namesOf({ columns }: Ground, ...kinds: ColumnKind[]): string[] {
  return [...columns].filter(([, kind]) => kinds.includes(kind)).map(([name]) => name);
}

/** A quantile as SQL: exact, or near enough where exact ones would not fit into memory. */
export function quantile({ isApproximate }: Ground, value: string, share: number, filter = "true"): string {
  const name = isApproximate ? "approx_quantile" : "quantile_cont";
  return `${name}(${value}, ${share}) FILTER (WHERE ${filter})::DOUBLE`;
}
