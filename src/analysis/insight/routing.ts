import type { Ground } from "./ground.ts";

export interface RouterGain {
  /** Random share of each sample (--gating.explore) of these runs; null where the run does not tell. */
  explore: number | null;
  task: string;
  steps: number;
  /** Mean reward of those that were asked, 0..1. */
  asked: number;
  /** What a sample drawn evenly from all miners would have earned: the mean over the miners of each one's mean. */
  even: number;
  /** Difference, and its standard error over the steps. */
  gain: number;
  error: number | null;
}

/** Of steps that tell whom the router chose, and had both kinds of miners. */
export interface RouterChoice {
  task: string;
  steps: number;
  /** Mean reward of those that the router chose, 0..1. */
  routed: number;
  /** Of those in the same steps that chance drew from the others. */
  drawn: number;
  /** Mean difference within a step, and its standard error over the steps. */
  gain: number;
  error: number | null;
}

export interface Routing {
  /** [milliseconds since 1970, mean loss], oldest first. */
  loss: [number, number][];
  /** Mean over the first and the last tenth of the steps with a loss. */
  firstLoss: number | null;
  lastLoss: number | null;
  gains: RouterGain[];
  choices: RouterChoice[];
}

/**
 * What the gating model learnt, and what routing by it brought. Steps of before the journal told which of a
 * sample was routed and which drawn (`routed` of the view answers) count too, so the sample as a whole is compared with an even draw of the same miners in the same tenth of the
 * time: runs that route nothing (explore 1) show what the comparison gives by chance.
 */
export async function routing({ ask, fromMs, toMs, pointMs }: Ground): Promise<Routing> {
  const loss =
    (await ask.rows(`SELECT (${fromMs} + ((ms - ${fromMs}) // ${pointMs})::BIGINT * ${pointMs})::DOUBLE AS ms, avg(gating_loss)::DOUBLE AS loss
    FROM step_facts WHERE gating_loss IS NOT NULL GROUP BY 1 ORDER BY 1`)) as { ms: number; loss: number }[];
  const [ends] =
    (await ask.rows(`SELECT avg(gating_loss) FILTER (share <= 0.1)::DOUBLE AS first, avg(gating_loss) FILTER (share >= 0.9)::DOUBLE AS last
    FROM (SELECT gating_loss, percent_rank() OVER (ORDER BY ms, id) AS share FROM step_facts WHERE gating_loss IS NOT NULL)`)) as {
      first: number | null;
      last: number | null;
    }[];
  const tenth = Math.max(1, Math.ceil((toMs - fromMs + 1) / 10));
  const gains = await ask.rows(`WITH
    routed AS (SELECT id, answers.task, uid, reward, TRY_CAST(json_extract_string(settings, '$."gating.explore".value') AS DOUBLE) AS explore, (ms - ${fromMs}) // ${tenth} AS tenth
      FROM answer_facts answers JOIN (SELECT id, run FROM step_facts) USING (id) LEFT JOIN (SELECT run, any_value(settings) AS settings FROM runs GROUP BY run) USING (run) WHERE counted),
    miners AS (SELECT explore, task, tenth, uid, avg(reward) AS reward FROM routed GROUP BY ALL),
    even AS (SELECT explore, task, tenth, avg(reward) AS even FROM miners GROUP BY ALL),
    steps AS (SELECT explore, task, tenth, id, avg(reward) AS asked FROM routed GROUP BY ALL)
    SELECT steps.explore::DOUBLE AS explore, steps.task, count(*)::DOUBLE AS steps, avg(asked)::DOUBLE AS asked, avg(even)::DOUBLE AS even,
      avg(asked - even)::DOUBLE AS gain, (stddev_samp(asked - even) / sqrt(count(*)))::DOUBLE AS error
    FROM steps JOIN even ON steps.explore IS NOT DISTINCT FROM even.explore AND steps.task = even.task AND steps.tenth = even.tenth
    GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2`);
  const choices = await ask.rows(`WITH
    steps AS (SELECT task, id, avg(reward) FILTER (routed) AS routed, avg(reward) FILTER (NOT routed) AS drawn
      FROM answer_facts WHERE counted AND routed IS NOT NULL GROUP BY ALL)
    SELECT task, count(*)::DOUBLE AS steps, avg(routed)::DOUBLE AS routed, avg(drawn)::DOUBLE AS drawn,
      avg(routed - drawn)::DOUBLE AS gain, (stddev_samp(routed - drawn) / sqrt(count(*)))::DOUBLE AS error
    FROM steps WHERE routed IS NOT NULL AND drawn IS NOT NULL GROUP BY 1 ORDER BY 1`);
  return {
    loss: loss.map((point) => [point.ms, point.loss]),
    firstLoss: ends?.first ?? null,
    lastLoss: ends?.last ?? null,
    gains: gains as unknown as RouterGain[],
    choices: choices as unknown as RouterChoice[],
  };
}
