import { factOf, type Ground, namesOf } from "./ground.ts";

export interface Correlation {
  /** `reward`, models, masks, penalties, shadow scores, `length` (characters) and `seconds`. */
  names: string[];
  /** Pearson's coefficient of each pair, over the answers that have both; null where one does not vary. */
  matrix: (number | null)[][];
}

/** Which numbers of an answer go together. */
export async function correlation(ground: Ground): Promise<Correlation> {
  const columns = namesOf(ground, "model", "mask", "penalty", "shadow");
  const values = new Map([
    ["reward", "reward"],
    ...columns.map((name): [string, string] => [name, factOf(ground, name)]),
    ["length", "length"],
    ["seconds", "time_s"],
  ]);
  const names = [...values.keys()];
  const pairs = names.flatMap((a, x) => names.slice(x + 1).map((b, y) => ({ a, b, x, y: x + 1 + y })));
  const asked = pairs.map(
    ({ a, b, x, y }) =>
      `CASE WHEN isfinite(corr(${values.get(a)}, ${values.get(b)})) THEN corr(${values.get(a)}, ${values.get(b)})::DOUBLE END AS c${x}_${y}`,
  );
  const [row] = (await ground.ask.rows(
    `SELECT ${asked.join(", ")} FROM ${ground.answers} WHERE counted AND status = 200 AND length > 0`,
  )) as Record<string, number | null>[];
  const matrix = names.map((_, x) =>
    names.map((_other, y) => (x === y ? 1 : (row?.[`c${Math.min(x, y)}_${Math.max(x, y)}`] ?? null))),
  );
  return { names, matrix };
}
