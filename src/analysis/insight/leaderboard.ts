import { type Ground, quantile, within } from "./ground.ts";

export interface Standing {
  uid: number;
  /** Hotkey; a uid that changed hands has a row for each. */
  miner: string;
  asked: number;
  /** Share of the calls with status 200, 0..1. */
  success: number;
  /** Over the steps that counted, 0..1. */
  meanReward: number | null;
  /** Share of its counted steps in which it had the best reward. */
  bestShare: number | null;
  /** Median of its answers, seconds. */
  latency: number | null;
  /** The last moving score told, 0..1. */
  score: number | null;
  /** The last weight given, 0..1. */
  weight: number | null;
}

/** Every miner that was asked, the best mean reward first. */
export async function leaderboard(ground: Ground): Promise<Standing[]> {
  const { ask, scope, answers } = ground;
  const rows = await ask.rows(`WITH earned AS (
      SELECT uid, name AS miner, count(*)::DOUBLE AS asked, avg((status = 200)::INTEGER)::DOUBLE AS success,
        avg(reward) FILTER (counted)::DOUBLE AS "meanReward", avg(is_best::INTEGER) FILTER (counted)::DOUBLE AS "bestShare",
        ${quantile(ground, "time_s", 0.5, "status = 200")} AS latency
      FROM ${answers} LEFT JOIN miner_names USING (miner) GROUP BY uid, name),
    told AS (SELECT uid, miner, arg_max(score, time)::DOUBLE AS score FROM ${within("scores", scope)} GROUP BY uid, miner),
    given AS (SELECT uid, arg_max(weight, time)::DOUBLE AS weight FROM ${within("weights", scope)}
      WHERE uid IS NOT NULL AND state IN ('sent', 'included') GROUP BY uid)
    SELECT earned.*, told.score, given.weight FROM earned LEFT JOIN told USING (uid, miner) LEFT JOIN given USING (uid)
    ORDER BY round("meanReward", 12) DESC NULLS LAST, uid, miner`);
  return rows as unknown as Standing[];
}
