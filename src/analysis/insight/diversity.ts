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

/** How many different texts each miner gives, the fewest first. @param ground with the tables of `layTexts` */
export async function diversity({ ask, answers }: Ground): Promise<Diversity[]> {
  const rows = await ask.rows(`WITH given AS (SELECT * FROM ${answers} WHERE length > 0),
    shared AS (SELECT uid, count(*)::DOUBLE AS n FROM given JOIN shared_texts USING (id, near) GROUP BY uid),
    different AS (SELECT uid, sum(texts)::DOUBLE AS texts, sum(letters)::DOUBLE AS letters, sum(prompts)::DOUBLE AS prompts
      FROM different_texts GROUP BY uid)
    SELECT uid, count(*)::DOUBLE AS answers, any_value(texts) / count(*) AS "distinct", any_value(letters) / count(*) AS "distinctByLetters",
      any_value(prompts) / count(*) AS "distinctPrompts", coalesce(any_value(shared.n), 0) / count(*) AS shared,
      avg(reward) FILTER (counted)::DOUBLE AS "meanReward", avg(length)::DOUBLE AS length
    FROM given JOIN different USING (uid) LEFT JOIN shared USING (uid)
    GROUP BY uid ORDER BY "distinctByLetters", uid`);
  return rows as unknown as Diversity[];
}
