import type { Ground } from "./ground.ts";

export interface ThroughputPoint {
  /** Beginning of the stretch of time, milliseconds since 1970. */
  ms: number;
  steps: number;
  asked: number;
  answered: number;
  /** Means over the steps that counted, 0..1; null without one. */
  meanReward: number | null;
  bestReward: number | null;
  /** Mean length of a step, seconds. */
  seconds: number | null;
}

export interface Throughput {
  steps: number;
  /** Steps that did not count: an outage of our own. */
  uncounted: number;
  asked: number;
  answered: number;
  /** From first to last step of each run, summed over the runs. */
  hours: number;
  /** null where no time passed. */
  stepsPerHour: number | null;
  meanReward: number | null;
  /** Oldest first; a stretch without a step is not there. */
  points: ThroughputPoint[];
}

/** How many questions and answers there were, and what they earned, over time. */
export async function throughput({ ask, fromMs, pointMs }: Ground): Promise<Throughput> {
  const [total] =
    (await ask.rows(`SELECT count(*)::DOUBLE AS steps, count(*) FILTER (NOT counted)::DOUBLE AS uncounted,
    coalesce(sum(asked), 0)::DOUBLE AS asked, coalesce(sum(answered), 0)::DOUBLE AS answered,
    avg(mean_reward) FILTER (counted)::DOUBLE AS "meanReward" FROM step_facts`)) as unknown as Throughput[];
  const [span] = (await ask.rows(
    "SELECT coalesce(sum(span), 0)::DOUBLE / 3.6e6 AS hours FROM (SELECT max(ms) - min(ms) AS span FROM step_facts GROUP BY run)",
  )) as { hours: number }[];
  const points =
    await ask.rows(`SELECT (${fromMs} + ((ms - ${fromMs}) // ${pointMs})::BIGINT * ${pointMs})::DOUBLE AS ms,
    count(*)::DOUBLE AS steps, sum(asked)::DOUBLE AS asked, sum(answered)::DOUBLE AS answered,
    avg(mean_reward) FILTER (counted)::DOUBLE AS "meanReward", avg(best_reward) FILTER (counted)::DOUBLE AS "bestReward",
    avg(step_length_s)::DOUBLE AS seconds FROM step_facts GROUP BY 1 ORDER BY 1`);
  const { hours } = span!;
  return {
    ...total!,
    hours,
    stepsPerHour: hours > 0 ? total!.steps / hours : null,
    points: points as unknown as ThroughputPoint[],
  };
}
