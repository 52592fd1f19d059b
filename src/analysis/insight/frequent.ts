import { printable } from "../../base/text.ts";
import type { Ground } from "./ground.ts";
import { groupNear } from "./near-texts.ts";

/** What a text that comes again and again looks like. */
export type Pattern =
  /** One miner gives it to many prompts. */
  | "repeated"
  /** Several miners give it in one step. */
  | "copied"
  /** Several miners give it to many prompts. */
  | "spread";

export interface FrequentText {
  /** The first of its group, printable, at most 300 characters. */
  text: string;
  pattern: Pattern;
  /** Answers of the group: equal by their letters, or near. */
  answers: number;
  /** Texts that are near each other, by their letters. */
  variants: number;
  uids: number;
  prompts: number;
  /** Steps in which more than one miner gave it. */
  copiedSteps: number;
  meanReward: number | null;
  bestReward: number | null;
  firstMs: number;
  lastMs: number;
  /** [milliseconds since 1970, answers, mean reward], oldest first. */
  points: [number, number, number | null][];
}

export interface Template {
  /** How the texts begin, printable. */
  opening: string;
  answers: number;
  /** Different texts that begin so. */
  texts: number;
  uids: number;
  meanReward: number | null;
}

export interface Copying {
  /** Gave the same text later than `original` in the same step. */
  uid: number;
  /** The first to give it. */
  original: number;
  steps: number;
  /** Share of the copier's answers, 0..1. */
  share: number;
  meanReward: number | null;
}

export interface Frequent {
  /** Share of all answers that are not the only one with their letters. */
  repeatedShare: number;
  texts: FrequentText[];
  templates: Template[];
  copying: Copying[];
}

/** As many frequent texts are looked at to find near ones. */
const CANDIDATES = 200;
const SHOWN_CHARACTERS = 300;

/** Texts that come again: who gives them, to how many prompts, and what they earn. @param ground with the tables of `layTexts` */
export async function frequent(ground: Ground): Promise<Frequent> {
  const { ask, answers } = ground;
  const [share] = (await ask.rows(`SELECT coalesce((SELECT sum(answers) FROM frequent_texts)
    / nullif((SELECT count(*) FROM ${answers} WHERE length > 0), 0), 0)::DOUBLE AS share`)) as {
    share: number;
  }[];
  return {
    repeatedShare: share!.share,
    texts: await frequentTexts(ground),
    templates: await templates(ground),
    copying: await copying(ground),
  };
}

interface Candidate {
  near: string;
  answers: number;
  id: string;
  position: number;
}

async function frequentTexts(ground: Ground): Promise<FrequentText[]> {
  const { ask, answers, scope, fromMs, pointMs } = ground;
  const candidates =
    (await ask.rows(`WITH top AS (SELECT near FROM frequent_texts ORDER BY answers DESC, near LIMIT ${CANDIDATES})
    SELECT near::VARCHAR AS near, count(*)::DOUBLE AS answers, arg_min(id, (ms, id, position))::VARCHAR AS id,
      arg_min(position, (ms, id, position))::DOUBLE AS position
    FROM ${answers} JOIN top USING (near) WHERE length > 0 GROUP BY near ORDER BY answers DESC, near`)) as unknown as Candidate[];
  if (candidates.length === 0) return [];
  const texts = await textsOf(ground, candidates);
  const groups = groupNear(texts);
  const pairs = candidates.map(({ near }, index) => `(${near}::UBIGINT, ${groups[index]})`);
  await ask.rows(
    `CREATE OR REPLACE TABLE near_groups AS SELECT * FROM (VALUES ${pairs.join(", ")}) AS pairs(near, first)`,
  );
  const grouped = `(SELECT * FROM ${answers} JOIN near_groups USING (near) WHERE length > 0)`;
  const found = (await ask.rows(`WITH copied AS (SELECT first, count(*)::DOUBLE AS steps FROM
      (SELECT first, id FROM ${grouped} GROUP BY first, id HAVING min(uid) < max(uid)) GROUP BY first)
    SELECT first::INTEGER AS first, count(*)::DOUBLE AS answers, count(DISTINCT near)::DOUBLE AS variants,
      count(DISTINCT uid)::DOUBLE AS uids, count(DISTINCT prompt)::DOUBLE AS prompts,
      coalesce(any_value(steps), 0) AS "copiedSteps", avg(reward) FILTER (counted)::DOUBLE AS "meanReward",
      max(reward)::DOUBLE AS "bestReward", min(ms)::DOUBLE AS "firstMs", max(ms)::DOUBLE AS "lastMs"
    FROM ${grouped} LEFT JOIN copied USING (first) GROUP BY first ORDER BY answers DESC, first LIMIT ${scope.top}`)) as unknown as (Omit<
    FrequentText,
    "text" | "pattern" | "points"
  > & { first: number })[];
  const points =
    (await ask.rows(`SELECT first::INTEGER AS first, (${fromMs} + point::BIGINT * ${pointMs})::DOUBLE AS ms,
      count(*)::DOUBLE AS answers, avg(reward) FILTER (counted)::DOUBLE AS reward
    FROM ${grouped} WHERE first IN (${found.map(({ first }) => first).join(", ")}) GROUP BY 1, 2 ORDER BY 1, 2`)) as {
      first: number;
      ms: number;
      answers: number;
      reward: number | null;
    }[];
  return found.map(({ first, ...text }) => ({
    ...text,
    text: printable(texts[first]!.replace(/\s+/g, " ").trim(), SHOWN_CHARACTERS),
    pattern: patternOf(text),
    points: points
      .filter((point) => point.first === first)
      .map(({ ms, answers: count, reward }) => [ms, count, reward]),
  }));
}

function patternOf({
  uids,
  prompts,
  copiedSteps,
}: Pick<FrequentText, "uids" | "prompts" | "copiedSteps">): Pattern {
  if (uids === 1) return "repeated";
  return prompts > copiedSteps ? "spread" : "copied";
}

/** The texts themselves, read from their steps: bounded, and no more than the candidates. */
async function textsOf(
  { ask }: Ground,
  places: readonly { id: string; position: number }[],
): Promise<string[]> {
  const ids = [...new Set(places.map(({ id }) => `${id}::UBIGINT`))];
  const positions = places.map(({ id, position }) => `(${id}::UBIGINT, ${position})`);
  const rows = (await ask.rows(`SELECT id::VARCHAR AS id, position::DOUBLE AS position,
      left(list_extract(completions, position), 2000)::VARCHAR AS text
    FROM (SELECT hash(run, sequence) AS id, completions FROM steps WHERE hash(run, sequence) IN (${ids.join(", ")}))
      JOIN (VALUES ${positions.join(", ")}) AS wanted(id, position) USING (id)`)) as {
    id: string;
    position: number;
    text: string | null;
  }[];
  const found = new Map(rows.map(({ id, position, text }) => [`${id} ${position}`, text ?? ""]));
  return places.map(({ id, position }) => found.get(`${id} ${position}`) ?? "");
}

async function templates(ground: Ground): Promise<Template[]> {
  const { ask, answers, scope } = ground;
  const rows =
    (await ask.rows(`WITH openings AS (SELECT * FROM frequent_openings ORDER BY answers DESC, opening LIMIT ${scope.top})
    SELECT openings.answers::DOUBLE AS answers, texts::DOUBLE AS texts, count(DISTINCT uid)::DOUBLE AS uids,
      avg(reward) FILTER (counted)::DOUBLE AS "meanReward", arg_min(id, (ms, id, position))::VARCHAR AS id,
      arg_min(position, (ms, id, position))::DOUBLE AS position
    FROM ${answers} JOIN openings USING (opening) WHERE length > 0
    GROUP BY opening, openings.answers, texts ORDER BY 1 DESC, opening`)) as unknown as (Omit<
      Template,
      "opening"
    > &
      Candidate)[];
  if (rows.length === 0) return [];
  const texts = await textsOf(ground, rows);
  return rows.map(({ answers: count, texts: different, uids, meanReward }, index) => ({
    opening: printable(openingOf(texts[index]!), SHOWN_CHARACTERS),
    answers: count,
    texts: different,
    uids,
    meanReward,
  }));
}

function openingOf(text: string): string {
  return `${text.replace(/\s+/g, " ").trim().slice(0, 60)}…`;
}

async function copying({ ask, scope }: Ground): Promise<Copying[]> {
  const only = scope.uid === undefined ? "" : `WHERE uid = ${scope.uid} OR original = ${scope.uid}`;
  const rows = await ask.rows(`WITH given AS (SELECT * FROM answer_facts WHERE length > 0),
    pairs AS (SELECT uid, original, count(*)::DOUBLE AS steps, avg(reward) FILTER (counted)::DOUBLE AS "meanReward"
      FROM given JOIN shared_texts USING (id, near) WHERE uid <> original GROUP BY uid, original),
    total AS (SELECT uid, count(*) AS answers FROM given GROUP BY uid)
    SELECT uid, original, steps, steps / answers AS share, "meanReward" FROM pairs JOIN total USING (uid) ${only}
    ORDER BY steps DESC, uid, original LIMIT ${scope.top}`);
  return rows as unknown as Copying[];
}
