import { type Ground, within } from "./ground.ts";

export interface Submission {
  ms: number;
  block: number;
  /** `included` where the chain told, otherwise `sent`. */
  state: string;
  path: string | null;
  uids: number;
  /** Largest weight, 0..1. */
  largest: number;
  /** Correlation of the weights with the moving scores last told before; null where either does not vary. */
  correlation: number | null;
}

export interface WeightOfMiner {
  uid: number;
  /** The last one, 0..1. */
  weight: number;
  /** The last moving score told before it, 0..1. */
  score: number | null;
  /** Share that it would have if weights were the scores, 0..1. */
  scoreShare: number | null;
}

export interface Weights {
  /** Submissions by the state they came to. */
  byState: Record<string, number>;
  /** Oldest first, at most 200, the newest. */
  submissions: Submission[];
  /** Of the last submission, the highest weight first. */
  last: WeightOfMiner[];
  /** [milliseconds since 1970, uid, weight] of the highest of the last, oldest first. */
  points: [number, number, number][];
}

const MAX_SUBMISSIONS = 200;

/** What was put on chain, against the scores it was made of. */
export async function weightsOnChain({ ask, scope }: Ground): Promise<Weights> {
  const states = (await ask.rows(
    `SELECT state, count(DISTINCT (run, sequence))::DOUBLE AS n FROM ${within("weights", scope)} GROUP BY state ORDER BY state`,
  )) as { state: string; n: number }[];
  const byState = Object.fromEntries(states.map(({ state, n }) => [state, n]));
  const told = byState.included ? "included" : "sent";
  await ask.rows(`CREATE OR REPLACE TABLE given_weights AS SELECT epoch_ms(time)::BIGINT AS ms, block, state, path, uid, weight
    FROM ${within("weights", scope)} WHERE state = '${told}' AND uid IS NOT NULL`);
  await ask.rows(`CREATE OR REPLACE TABLE scores_at AS SELECT given.ms, told.uid, told.score
    FROM (SELECT DISTINCT ms FROM given_weights) given ASOF JOIN (SELECT DISTINCT epoch_ms(time)::BIGINT AS moment FROM ${within("scores", scope)}) times
      ON given.ms >= times.moment JOIN (SELECT epoch_ms(time)::BIGINT AS moment, uid, score FROM ${within("scores", scope)}) told ON told.moment = times.moment`);
  const submissions =
    await ask.rows(`SELECT * FROM (SELECT given.ms::DOUBLE AS ms, any_value(block)::DOUBLE AS block, any_value(state) AS state,
      any_value(path) AS path, count(*)::DOUBLE AS uids, max(weight)::DOUBLE AS largest,
      CASE WHEN isfinite(corr(weight, score)) THEN corr(weight, score)::DOUBLE END AS correlation
    FROM given_weights given LEFT JOIN scores_at USING (ms, uid) GROUP BY given.ms ORDER BY given.ms DESC LIMIT ${MAX_SUBMISSIONS}) ORDER BY ms`);
  const only = scope.uid === undefined ? "" : `WHERE uid = ${scope.uid}`;
  const last =
    await ask.rows(`SELECT * FROM (SELECT uid::INTEGER AS uid, weight::DOUBLE AS weight, score::DOUBLE AS score,
      (score / nullif((SELECT sum(score) FROM scores_at WHERE ms = (SELECT max(ms) FROM given_weights)), 0))::DOUBLE AS "scoreShare"
    FROM given_weights LEFT JOIN scores_at USING (ms, uid) WHERE ms = (SELECT max(ms) FROM given_weights)) ${only} ORDER BY weight DESC, uid`);
  const top = (last as unknown as WeightOfMiner[]).slice(0, scope.top).map(({ uid }) => uid);
  const points =
    top.length === 0
      ? []
      : ((await ask.rows(`SELECT ms::DOUBLE AS ms, uid::INTEGER AS uid, weight::DOUBLE AS weight FROM given_weights WHERE uid IN (${top.join(", ")})
          AND ms IN (SELECT DISTINCT ms FROM given_weights ORDER BY ms DESC LIMIT ${MAX_SUBMISSIONS}) ORDER BY ms, uid`)) as {
          ms: number;
          uid: number;
          weight: number;
        }[]);
  return {
    byState,
    submissions: submissions as unknown as Submission[],
    last: last as unknown as WeightOfMiner[],
    points: points.map(({ ms, uid, weight }) => [ms, uid, weight]),
  };
}
