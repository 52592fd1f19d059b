import { LEFT_WHOLE } from "../../events/column-kinds.ts";
import { factOf, type Ground, namesOf } from "./ground.ts";

export interface MaskHits {
  name: string;
  kind: "mask" | "penalty";
  /** Answers that it judged. */
  answers: number;
  /** Share whose reward it lowered by a thousandth or more, 0..1. */
  hit: number;
  /** Share whose reward it took whole. */
  zeroed: number;
  /** Mean factor, 0..1. */
  factor: number;
  /** Share hit by task. */
  byTask: Record<string, number>;
  /** [milliseconds since 1970, share hit], oldest first. */
  points: [number, number][];
  /** Whom it hit most often: [uid, share of its answers]. */
  mostHit: [number, number][];
}

const MOST_HIT = 5;

/** How often each mask and penalty cost a reward, the most costly first. */
export async function masks(ground: Ground): Promise<MaskHits[]> {
  const found: MaskHits[] = [];
  for (const kind of ["mask", "penalty"] as const)
    for (const name of namesOf(ground, kind)) {
      const hits = await hitsOf(ground, name, kind);
      if (hits !== undefined) found.push(hits);
    }
  return found.sort((a, b) => a.factor - b.factor || a.name.localeCompare(b.name));
}

async function hitsOf(ground: Ground, name: string, kind: "mask" | "penalty"): Promise<MaskHits | undefined> {
  const { ask, answers, fromMs, pointMs } = ground;
  const value = factOf(ground, name);
  const judged = `FROM ${answers} WHERE counted AND ${value} IS NOT NULL`;
  const hit = `avg((${value} < ${LEFT_WHOLE})::INTEGER)::DOUBLE AS hit`;
  const [row] =
    (await ask.rows(`SELECT count(*)::DOUBLE AS answers, ${hit}, avg((${value} <= 0)::INTEGER)::DOUBLE AS zeroed,
    avg(${value})::DOUBLE AS factor ${judged}`)) as unknown as Pick<
      MaskHits,
      "answers" | "hit" | "zeroed" | "factor"
    >[];
  if (row === undefined || row.answers === 0) return undefined;
  const tasks = (await ask.rows(`SELECT task, ${hit} ${judged} GROUP BY task ORDER BY task`)) as {
    task: string;
    hit: number;
  }[];
  const points = (await ask.rows(
    `SELECT (${fromMs} + point::BIGINT * ${pointMs})::DOUBLE AS ms, ${hit} ${judged} GROUP BY point ORDER BY point`,
  )) as { ms: number; hit: number }[];
  const uids = (await ask.rows(
    `SELECT uid, ${hit} ${judged} GROUP BY uid HAVING hit > 0 ORDER BY hit DESC, count(*) DESC, uid LIMIT ${MOST_HIT}`,
  )) as { uid: number; hit: number }[];
  return {
    name,
    kind,
    ...row,
    byTask: Object.fromEntries(tasks.map((one) => [one.task, one.hit])),
    points: points.map((one) => [one.ms, one.hit]),
    mostHit: uids.map((one) => [one.uid, one.hit]),
  };
}
