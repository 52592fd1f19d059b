import { factOf, type Ground, namesOf, quantile } from "./ground.ts";

export interface Distribution {
  /** `reward`, or the column of a model; `<name>_normalized` is its share of the reward before weights. */
  name: string;
  answers: number;
  mean: number;
  deviation: number | null;
  min: number;
  p10: number;
  p50: number;
  p90: number;
  max: number;
  /** Answers in twenty bins from `min` to `max`, or of 0..1 where the values are shares. */
  from: number;
  to: number;
  bins: number[];
}

const BINS = 20;

/** How rewards and the numbers of the models lie, over the counted answers that have one. */
export async function distributions(ground: Ground): Promise<Distribution[]> {
  const models = namesOf(ground, "model").flatMap((name) => [name, `${name}_normalized`]);
  const found: Distribution[] = [];
  for (const name of ["reward", ...models]) {
    const distribution = await distributionOf(ground, name);
    if (distribution !== undefined) found.push(distribution);
  }
  return found;
}

async function distributionOf(ground: Ground, name: string): Promise<Distribution | undefined> {
  const { ask, answers } = ground;
  const value = name === "reward" ? name : factOf(ground, name);
  const condition = `counted AND status = 200 AND ${value} IS NOT NULL`;
  const [row] =
    (await ask.rows(`SELECT count(*)::DOUBLE AS answers, avg(${value})::DOUBLE AS mean, stddev_samp(${value})::DOUBLE AS deviation,
      min(${value})::DOUBLE AS min, ${quantile(ground, value, 0.1)} AS p10, ${quantile(ground, value, 0.5)} AS p50,
      ${quantile(ground, value, 0.9)} AS p90, max(${value})::DOUBLE AS max FROM ${answers} WHERE ${condition}`)) as unknown as Omit<
      Distribution,
      "name" | "from" | "to" | "bins"
    >[];
  if (row === undefined || row.answers === 0) return undefined;
  const isShare = name === "reward" || name.endsWith("_normalized");
  const from = isShare ? 0 : row.min;
  const to = isShare ? 1 : row.max;
  const width = (to - from) / BINS;
  const bin =
    width > 0 ? `greatest(0, least(floor((${value} - (${from})) / ${width}), ${BINS - 1}))::INTEGER` : "0";
  const counts = (await ask.rows(
    `SELECT ${bin} AS bin, count(*)::DOUBLE AS answers FROM ${answers} WHERE ${condition} GROUP BY 1`,
  )) as { bin: number; answers: number }[];
  const bins = Array.from({ length: BINS }, (_, at) => counts.find((one) => one.bin === at)?.answers ?? 0);
  return { name, ...row, from, to, bins };
}
