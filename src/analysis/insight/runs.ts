import { type Ground, quantile } from "./ground.ts";

export interface RunFigures {
  run: string;
  program: string | null;
  profile: string | null;
  startedMs: number | null;
  endedMs: number | null;
  stopReason: string | null;
  steps: number;
  asked: number;
  success: number | null;
  meanReward: number | null;
  bestReward: number | null;
  /** Median length of a step, seconds. */
  stepSeconds: number | null;
  stepsPerHour: number | null;
  gatingLoss: number | null;
}

export interface DifferingSetting {
  flag: string;
  /** By the runs, in their order; null where a run does not tell. */
  values: (string | null)[];
}

export interface Runs {
  /** How many there are; the newest are compared. */
  count: number;
  /** Newest first. */
  runs: RunFigures[];
  settings: DifferingSetting[];
}

const MAX_VALUE = 60;

/** The runs side by side, and the settings in which they differ. */
export async function compareRuns(ground: Ground): Promise<Runs> {
  const { ask, scope } = ground;
  const rows =
    (await ask.rows(`WITH known AS (SELECT run, any_value(program)::VARCHAR AS program, any_value(profile)::VARCHAR AS profile,
      any_value(stop_reason)::VARCHAR AS "stopReason", any_value(settings)::VARCHAR AS settings FROM runs GROUP BY run),
    figures AS (SELECT run, min(ms)::DOUBLE AS "startedMs", max(ms)::DOUBLE AS "endedMs", count(*)::DOUBLE AS steps, sum(asked)::DOUBLE AS asked,
      (sum(answered) / nullif(sum(asked), 0))::DOUBLE AS success, avg(mean_reward) FILTER (counted)::DOUBLE AS "meanReward",
      avg(best_reward) FILTER (counted)::DOUBLE AS "bestReward", ${quantile(ground, "step_length_s", 0.5)} AS "stepSeconds",
      (count(*) / nullif((max(ms) - min(ms)) / 3.6e6, 0))::DOUBLE AS "stepsPerHour", avg(gating_loss)::DOUBLE AS "gatingLoss"
      FROM step_facts GROUP BY run)
    SELECT * FROM figures LEFT JOIN known USING (run) ORDER BY "startedMs" DESC, run LIMIT ${scope.top}`)) as unknown as (RunFigures & {
      settings: string | null;
    })[];
  const [total] = (await ask.rows("SELECT count(DISTINCT run)::DOUBLE AS n FROM step_facts")) as {
    n: number;
  }[];
  return {
    count: total!.n,
    runs: rows.map(({ settings: _, ...figures }) => figures),
    settings: differing(rows.map(({ settings }) => settings)),
  };
}

function differing(settings: readonly (string | null)[]): DifferingSetting[] {
  const read = settings.map((text) => (text === null ? {} : valuesOf(text)));
  const flags = [...new Set(read.flatMap(Object.keys))].sort();
  return flags
    .map((flag) => ({ flag, values: read.map((values) => values[flag] ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function valuesOf(text: string): Record<string, string> {
  const settings = JSON.parse(text) as Record<string, { value?: unknown }> | null;
  return Object.fromEntries(
    Object.entries(settings ?? {}).map(([flag, setting]) => [
      flag,
      JSON.stringify(setting?.value ?? null).slice(0, MAX_VALUE),
    ]),
  );
}
