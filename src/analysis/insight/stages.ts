import { type Ground, quantile } from "./ground.ts";

export interface StageTime {
  /** choose, ask, judge, train, save, queue and compute (both of the inference process), or a reward, mask or penalty. */
  name: string;
  steps: number;
  /** Milliseconds. */
  mean: number;
  p50: number;
  p90: number;
  /** Share of the mean length of a step; null for what runs beside others. */
  share: number | null;
}

export interface Stages {
  /** In the order of a step. */
  stages: StageTime[];
  /** The slowest first. */
  parts: StageTime[];
  /** Mean milliseconds of choose, ask, judge, train and save over time, oldest first. */
  points: { ms: number; values: (number | null)[] }[];
}

export const STAGE_NAMES = ["choose", "ask", "judge", "train", "save"] as const;
const BESIDE = ["queue", "compute"];

/** Where the time of a step goes. */
export async function stages(ground: Ground): Promise<Stages> {
  const { ask, fromMs, pointMs } = ground;
  const figures = (value: string): string =>
    `count(*)::DOUBLE AS steps, avg(${value})::DOUBLE AS mean, ${quantile(ground, value, 0.5)} AS p50, ${quantile(ground, value, 0.9)} AS p90`;
  const [length] = (await ask.rows("SELECT avg(step_length_s)::DOUBLE * 1000 AS mean FROM step_facts")) as {
    mean: number | null;
  }[];
  const found: StageTime[] = [];
  for (const name of [...STAGE_NAMES, ...BESIDE]) {
    const [row] = (await ask.rows(
      `SELECT ${figures(`${name}_ms`)} FROM step_facts WHERE ${name}_ms IS NOT NULL`,
    )) as unknown as Omit<StageTime, "name" | "share">[];
    if (row === undefined || row.steps === 0) continue;
    const share = BESIDE.includes(name) || !length?.mean ? null : row.mean / length.mean;
    found.push({ name, ...row, share });
  }
  const parts = await ask.rows(`SELECT entry.key AS name, ${figures("entry.value")}, NULL AS share
    FROM (SELECT unnest(map_entries(parts)) AS entry FROM step_facts) GROUP BY 1 ORDER BY p50 DESC, 1`);
  const points =
    (await ask.rows(`SELECT (${fromMs} + ((ms - ${fromMs}) // ${pointMs})::BIGINT * ${pointMs})::DOUBLE AS ms,
    ${STAGE_NAMES.map((name) => `avg(${name}_ms)::DOUBLE AS ${name}`).join(", ")} FROM step_facts GROUP BY 1 ORDER BY 1`)) as Record<
      string,
      number | null
    >[];
  return {
    stages: found,
    parts: parts as unknown as StageTime[],
    points: points.map((row) => ({ ms: row.ms!, values: STAGE_NAMES.map((name) => row[name] ?? null) })),
  };
}
