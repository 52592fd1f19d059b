import { factOf, type Ground, namesOf } from "./ground.ts";

export interface Correlation {
  /** `reward`, models, masks, penalties, shadow scores, `length` (characters) and `seconds`. */
  names: string[];
  /** Pearson's coefficient of each pair, over the answers that have both; null where one does not vary. */
  matrix: (number | null)[][];
}

/** What varies by less is the last digits of a double, which correlate with anything. */
const LEAST_SPREAD = 1e-9;

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
  const told = `FROM ${ground.answers} WHERE counted AND status = 200 AND length > 0`;
  const spreads = names.map(
    (name, x) => `(max(${values.get(name)}) - min(${values.get(name)}))::DOUBLE AS s${x}`,
  );
  const [spread] = (await ground.ask.rows(`SELECT ${spreads.join(", ")} ${told}`)) as Record<
    string,
    number | null
  >[];
  const varying = [...names.keys()].filter((x) => (spread?.[`s${x}`] ?? 0) > LEAST_SPREAD);
  const asked = varying.flatMap((x, at) =>
    varying.slice(at + 1).map((y) => {
      const found = `corr(${values.get(names[x]!)}, ${values.get(names[y]!)})`;
      return `CASE WHEN isfinite(${found}) THEN ${found}::DOUBLE END AS c${x}_${y}`;
    }),
  );
  const [row] =
    asked.length === 0
      ? []
      : ((await ground.ask.rows(`SELECT ${asked.join(", ")} ${told}`)) as Record<string, number | null>[]);
  const matrix = names.map((_, x) =>
    names.map((_other, y) => (x === y ? 1 : (row?.[`c${Math.min(x, y)}_${Math.max(x, y)}`] ?? null))),
  );
  return { names, matrix };
}
