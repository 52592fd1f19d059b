import { factOf, type Ground, namesOf } from "./ground.ts";

/** Two numbers always agree or disagree wholly. */
const MIN_ANSWERS = 3;

export interface Agreement {
  /** Steps with at least three answers that have a shadow score, and rewards and scores that differ among them. */
  steps: number;
  /** Answers of those steps. */
  answers: number;
  /**
   * Spearman's rank correlation of shadow score and reward within a step, mean over the steps by their answers: 1 when
   * both rank alike, 0 when one tells nothing of the other. null without a step.
   */
  rankCorrelation: number | null;
  /** Share of the steps in which the answer with the highest shadow score also has the highest reward. */
  sameBest: number | null;
}

export interface ScorerAgreement {
  name: string;
  all: Agreement;
  /** By the task: augment, followup, answer. */
  byTask: Record<string, Agreement>;
}

/** How well each shadow scorer agrees with the rewards that count, in the order of the scorers' names. */
export async function shadowAgreement(ground: Ground): Promise<ScorerAgreement[]> {
  const found: ScorerAgreement[] = [];
  for (const name of namesOf(ground, "shadow").sort()) found.push(await agreementOf(ground, name));
  return found;
}

/** Equal values share the mean of their ranks, and the first of equal shadow scores counts as the highest. */
async function agreementOf(ground: Ground, name: string): Promise<ScorerAgreement> {
  const value = factOf(ground, name);
  const rows = (await ground.ask.rows(`WITH
    comparable AS (SELECT id, task, position, ${value} AS shadow, reward FROM answer_facts
      WHERE ${value} IS NOT NULL AND reward IS NOT NULL),
    ranked AS (SELECT *, rank() OVER (PARTITION BY id ORDER BY shadow) + (count(*) OVER (PARTITION BY id, shadow) - 1) / 2 AS x,
      rank() OVER (PARTITION BY id ORDER BY reward) + (count(*) OVER (PARTITION BY id, reward) - 1) / 2 AS y FROM comparable),
    by_step AS (SELECT id, task, count(*) AS answers, corr(x, y) AS correlation,
      arg_max(reward, (shadow, -position)) = max(reward) AS "sameBest" FROM ranked GROUP BY id, task)
    SELECT task, count(*)::DOUBLE AS steps, coalesce(sum(answers), 0)::DOUBLE AS answers,
      (sum(correlation * answers) / sum(answers))::DOUBLE AS "rankCorrelation", avg("sameBest"::INTEGER)::DOUBLE AS "sameBest"
    FROM by_step WHERE answers >= ${MIN_ANSWERS} AND isfinite(correlation)
    GROUP BY GROUPING SETS ((), (task)) ORDER BY task NULLS FIRST`)) as unknown as (Agreement & {
    task: string | null;
  })[];
  const agreements = rows.map(({ task, ...agreement }) => [task, agreement] as const);
  return {
    name,
    all: agreements.find(([task]) => task === null)![1],
    byTask: Object.fromEntries(agreements.filter(([task]) => task !== null)),
  };
}
