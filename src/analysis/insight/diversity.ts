import type { Ground } from "./ground.ts";

export interface Diversity {
  uid: number;
  /** Answers with a text. */
  answers: number;
  /** Different texts among them, share of all, 0..1. */
  distinct: number;
  /** The same by their letters alone: other numbers, marks or spaces make no new text. */
  distinctByLetters: number;
  /** Different prompts it was asked, share of all its answers: no more texts than prompts are to be expected. */
  distinctPrompts: number;
  /** Share of its answers that another uid gave too, in the same step and by their letters. */
  shared: number;
  meanReward: number | null;
  /** Mean, characters. */
  length: number;
}

/** How many different texts each miner gives, the fewest first. Groups are counted in groups, which may go to disk. */
export async function diversity({ ask, answers }: Ground): Promise<Diversity[]> {
  const distinct = (column: string): string =>
    `(SELECT uid, count(*)::DOUBLE AS n FROM (SELECT uid, ${column} FROM given GROUP BY uid, ${column}) GROUP BY uid)`;
  const rows = await ask.rows(`WITH given AS (SELECT * FROM ${answers} WHERE length > 0),
    common AS (SELECT id, near FROM answer_facts WHERE length > 0 GROUP BY id, near HAVING count(DISTINCT uid) > 1),
    shared AS (SELECT uid, count(*)::DOUBLE AS n FROM given JOIN common USING (id, near) GROUP BY uid)
    SELECT uid, count(*)::DOUBLE AS answers, any_value(texts.n) / count(*) AS "distinct", any_value(letters.n) / count(*) AS "distinctByLetters",
      any_value(prompts.n) / count(*) AS "distinctPrompts", coalesce(any_value(shared.n), 0) / count(*) AS shared,
      avg(reward) FILTER (counted)::DOUBLE AS "meanReward", avg(length)::DOUBLE AS length
    FROM given JOIN ${distinct("exact")} texts USING (uid) JOIN ${distinct("near")} letters USING (uid)
      JOIN ${distinct("prompt")} prompts USING (uid) LEFT JOIN shared USING (uid)
    GROUP BY uid ORDER BY "distinctByLetters", uid`);
  return rows as unknown as Diversity[];
}
