import type { Ground } from "./ground.ts";

/** A beginning is a template when so many different texts have it. */
const MIN_TEMPLATE_TEXTS = 5;

/**
 * Makes the tables of which texts come again. Nearly every answer is a group of its own there, so they are grouped in pieces
 * that no group lies across: equal texts have equal letters, and these equal beginnings.
 *
 * - `different_texts`: uid, and how many different texts, letters and prompts it has in a piece
 * - `frequent_texts`: near, answers; those that were given more than once
 * - `frequent_openings`: opening, answers, texts; beginnings of several texts
 * - `shared_texts`: id, near, and the uid that was the first of several to give it in that step
 */
export async function layTexts({ ask, answers, pieces }: Ground): Promise<void> {
  const tables = {
    different_texts: "uid INTEGER, texts BIGINT, letters BIGINT, prompts BIGINT",
    frequent_texts: "near UBIGINT, answers HUGEINT",
    frequent_openings: "opening UBIGINT, answers HUGEINT, texts BIGINT",
    shared_texts: "id UBIGINT, near UBIGINT, original INTEGER",
  };
  for (const [name, columns] of Object.entries(tables))
    await ask.rows(`CREATE OR REPLACE TABLE ${name} (${columns})`);
  for (let piece = 0; piece < pieces; piece++) {
    const given = (from: string, column: string): string =>
      `FROM ${from} WHERE length > 0 AND ${column} % ${pieces} = ${piece}`;
    await ask.rows(`CREATE OR REPLACE TEMP TABLE given_texts AS
      SELECT uid, near, opening, count(*) AS texts, sum(n) AS answers
      FROM (SELECT uid, exact, near, opening, count(*) AS n ${given(answers, "opening")} GROUP BY uid, exact, near, opening)
      GROUP BY uid, near, opening`);
    await ask.rows(
      "INSERT INTO different_texts SELECT uid, sum(texts), count(*), 0 FROM given_texts GROUP BY uid",
    );
    await ask.rows(`INSERT INTO different_texts SELECT uid, 0, 0, count(*)
      FROM (SELECT DISTINCT uid, prompt ${given(answers, "prompt")}) GROUP BY uid`);
    await ask.rows(`CREATE OR REPLACE TEMP TABLE given_letters AS
      SELECT near, opening, sum(answers) AS answers FROM given_texts GROUP BY near, opening`);
    await ask.rows("INSERT INTO frequent_texts SELECT near, answers FROM given_letters WHERE answers > 1");
    await ask.rows(`INSERT INTO frequent_openings SELECT opening, sum(answers), count(*)
      FROM given_letters GROUP BY opening HAVING count(*) >= ${MIN_TEMPLATE_TEXTS}`);
    await ask.rows(`INSERT INTO shared_texts SELECT id, near, arg_min(uid, (time_s, position))
      ${given("answer_facts", "id")} GROUP BY id, near HAVING min(uid) < max(uid)`);
  }
  for (const name of ["given_texts", "given_letters"]) await ask.rows(`DROP TABLE ${name}`);
}
