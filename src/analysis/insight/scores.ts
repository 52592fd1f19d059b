import { type Ground, within } from "./ground.ts";

export interface ScoreLine {
  uid: number;
  miner: string;
  /** The last one, 0..1. */
  score: number;
  /** [milliseconds since 1970, mean score of that stretch], oldest first. */
  points: [number, number][];
}

/** Moving scores of the highest at the end, or of the one that is asked for. */
export async function movingScores({ ask, scope, fromMs, pointMs }: Ground): Promise<ScoreLine[]> {
  const only = scope.uid === undefined ? "" : `WHERE uid = ${scope.uid}`;
  const rows =
    (await ask.rows(`WITH told AS (SELECT uid, miner, epoch_ms(time)::BIGINT AS ms, score FROM ${within("scores", scope)} ${only}),
    final AS (SELECT uid, miner, arg_max(score, ms)::DOUBLE AS final FROM told GROUP BY uid, miner ORDER BY final DESC, uid LIMIT ${scope.top})
    SELECT uid::INTEGER AS uid, miner, any_value(final)::DOUBLE AS final,
      (${fromMs} + ((ms - ${fromMs}) // ${pointMs})::BIGINT * ${pointMs})::DOUBLE AS moment, avg(score)::DOUBLE AS score
    FROM told JOIN final USING (uid, miner) GROUP BY uid, miner, moment ORDER BY any_value(final) DESC, uid, moment`)) as {
      uid: number;
      miner: string;
      final: number;
      moment: number;
      score: number;
    }[];
  const lines = new Map<string, ScoreLine>();
  for (const { uid, miner, final, moment, score } of rows) {
    const key = `${uid} ${miner}`;
    const line = lines.get(key) ?? { uid, miner, score: final, points: [] };
    lines.set(key, line);
    line.points.push([moment, score]);
  }
  return [...lines.values()];
}
