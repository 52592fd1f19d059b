import { isFormula, quotedCell } from "../cells.ts";
import { pythonFloat, pythonString } from "./python-form.ts";
import { each, LINES, NUMBER, type Shape, TEXT } from "./shape.ts";

/**
 * Follow-up and answer of one round belong together, as openvalidators' rows had them: an answer joins the last follow-up
 * before it of the same pass and number.
 */
const UNITS = `units AS (
    SELECT id, task, CASE WHEN task = 'answer' THEN coalesce(question, id) ELSE id END AS unit FROM (
      SELECT id, task, max(CASE WHEN task = 'followup' THEN id END) OVER (
          PARTITION BY run, forward, regexp_extract(name, '[0-9]*$') ORDER BY id ROWS UNBOUNDED PRECEDING
        ) AS question
      FROM kept)
  )`;

/** Of one prompt the last best answer counts, in the place of the first, as in a Python dictionary. */
export function miningJson(isScored: boolean): Shape {
  return {
    extension: "json",
    grain: "best",
    isInOrder: false,
    example: isScored
      ? "One object: prompt → {best answer: highest reward of the step}."
      : "One object: prompt → best answer.",
    features: () => [],
    select: (_, { side }) => `WITH ${UNITS}, numbered AS (
        SELECT k.id, md5_number(k.prompt) AS prompt_key, row_number() OVER (ORDER BY u.unit, u.task <> 'answer', k.id) AS n
        FROM picked AS p JOIN kept AS k ON k.id = p.id JOIN units AS u ON u.id = p.id WHERE ${side}
      ), entries AS (SELECT arg_max(id, n) AS id, min(n) AS n FROM numbered GROUP BY prompt_key)
      SELECT k.prompt, k.completion, k.best_reward FROM entries AS e JOIN kept AS k ON k.id = e.id ORDER BY e.n`,
    text: {
      head: "{",
      between: ", ",
      tail: "}",
      entries: each(([prompt, best, reward]) => {
        const value = pythonString(best as string);
        const scored = `{${value}: ${pythonFloat(Number(reward ?? 0))}}`;
        return `${pythonString(prompt as string)}: ${isScored ? scored : value}`;
      }),
    },
  };
}

/** Rows of two prompts as pandas writes them; the first column is the number of the row before anything was left out. */
export function miningCsv(isScored: boolean): Shape {
  const names = isScored
    ? ["base_prompt", "best_followup", "followup_rewards", "answer_prompt", "best_answer", "answer_rewards"]
    : ["base_prompt", "best_followup", "answer_prompt", "best_answer"];
  return {
    extension: "csv",
    grain: "best",
    isInOrder: false,
    example:
      "One row for each round: a prompt with its best follow-up question, and the next with its best answer.",
    features: () => [
      { name: "Unnamed: 0", dtype: "int64" },
      ...names.map((name) => ({ name, ...(name.endsWith("_rewards") ? NUMBER : TEXT) })),
    ],
    select: () => `WITH ${UNITS}, rounds AS (
        SELECT row_number() OVER (ORDER BY unit) - 1 AS n, max(CASE WHEN task = 'followup' THEN id END) AS f,
          max(CASE WHEN task = 'answer' THEN id END) AS a
        FROM units WHERE task IN ('followup', 'answer') GROUP BY unit)
      SELECT n, f.prompt, f.completion, f.best_reward, a.prompt, a.completion, a.best_reward
      FROM rounds JOIN picked AS pf ON pf.id = rounds.f JOIN picked AS pa ON pa.id = rounds.a
        JOIN kept AS f ON f.id = rounds.f JOIN kept AS a ON a.id = rounds.a ORDER BY n`,
    text: {
      ...LINES,
      head: `,${names.join(",")}\n`,
      async *entries(rows, { csvRaw }, _, changed) {
        for await (const [n, ...cells] of rows) {
          const shown = cells.flatMap((cell) => {
            if (typeof cell !== "string") return isScored ? [pythonFloat(Number(cell ?? 0))] : [];
            const isMarked = !csvRaw && isFormula(cell);
            if (isMarked) changed();
            return [quotedCell(isMarked ? `'${cell}` : cell)];
          });
          yield `${[n, ...shown].join(",")}\n`;
        }
      },
    },
  };
}

export const OPENAI: Shape = {
  extension: "jsonl",
  grain: "best",
  isInOrder: false,
  example: "One line for each step: prompt and best completion (OpenAI's legacy fine-tuning form).",
  features: () => [
    { name: "prompt", ...TEXT },
    { name: "completion", ...TEXT },
  ],
  select: (_, { side }) => `WITH ${UNITS}
      SELECT k.prompt, k.completion FROM picked AS p JOIN kept AS k ON k.id = p.id JOIN units AS u ON u.id = p.id
      WHERE ${side} ORDER BY u.unit, u.task = 'answer', k.id`,
  text: {
    ...LINES,
    between: "\n",
    entries: each(
      ([prompt, best]) =>
        `{"prompt": ${pythonString(prompt as string)}, "completion": ${pythonString(best as string)}}`,
    ),
  },
};
