import { type Ground, quantile } from "./ground.ts";

export interface CallsOfMiner {
  uid: number;
  calls: number;
  /** Calls by status code, the most frequent first. */
  byStatus: [number, number][];
}

export interface Latency {
  uid: number;
  answers: number;
  /** Seconds, over the answers with status 200. */
  p50: number;
  p90: number;
  p99: number;
}

export interface Calls {
  /** Over all miners, the most frequent first. */
  byStatus: [number, number][];
  /** The lowest share of answers first. */
  miners: CallsOfMiner[];
  /** The slowest median first. */
  latencies: Latency[];
  /** Answers by their time: [from this second on, answers], of equal width, the last one open. */
  histogram: [number, number][];
}

const BINS = 24;

/** What the calls to miners came to, and how long the answers took. */
export async function calls(ground: Ground): Promise<Calls> {
  const { ask, answers } = ground;
  const counts = (await ask.rows(
    `SELECT uid, coalesce(status, 0)::INTEGER AS status, count(*)::DOUBLE AS calls FROM ${answers} GROUP BY 1, 2 ORDER BY calls DESC, status`,
  )) as { uid: number; status: number; calls: number }[];
  const all = new Map<number, number>();
  const byUid = new Map<number, CallsOfMiner>();
  for (const { uid, status, calls: count } of counts) {
    all.set(status, (all.get(status) ?? 0) + count);
    const miner = byUid.get(uid) ?? { uid, calls: 0, byStatus: [] };
    byUid.set(uid, miner);
    miner.calls += count;
    miner.byStatus.push([status, count]);
  }
  const latencies =
    await ask.rows(`SELECT uid, count(*)::DOUBLE AS answers, ${quantile(ground, "time_s", 0.5)} AS p50,
    ${quantile(ground, "time_s", 0.9)} AS p90, ${quantile(ground, "time_s", 0.99)} AS p99
    FROM ${answers} WHERE status = 200 AND time_s IS NOT NULL GROUP BY uid ORDER BY p50 DESC, uid`);
  return {
    byStatus: [...all].sort(([a, x], [b, y]) => y - x || a - b),
    miners: [...byUid.values()].sort((a, b) => successOf(a) - successOf(b) || a.uid - b.uid),
    latencies: latencies as unknown as Latency[],
    histogram: await histogram(ground),
  };
}

/** Share of the calls with an answer, 0..1. */
export function successOf({ calls: count, byStatus }: CallsOfMiner): number {
  return (byStatus.find(([status]) => status === 200)?.[1] ?? 0) / count;
}

async function histogram({ ask, answers, isApproximate }: Ground): Promise<[number, number][]> {
  const high = `${isApproximate ? "approx_quantile" : "quantile_cont"}(time_s, 0.99)`;
  const [range] = (await ask.rows(
    `SELECT ${high}::DOUBLE AS high FROM ${answers} WHERE status = 200 AND time_s >= 0`,
  )) as { high: number | null }[];
  const width = niceWidth((range?.high ?? 0) / BINS);
  if (width === 0) return [];
  const rows =
    (await ask.rows(`SELECT least(floor(time_s / ${width}), ${BINS})::INTEGER AS bin, count(*)::DOUBLE AS answers
    FROM ${answers} WHERE status = 200 AND time_s >= 0 GROUP BY 1 ORDER BY 1`)) as {
      bin: number;
      answers: number;
    }[];
  const found = new Map(rows.map(({ bin, answers: count }) => [bin, count]));
  const last = Math.max(...found.keys());
  return Array.from({ length: last + 1 }, (_, bin) => [
    Number((bin * width).toPrecision(12)),
    found.get(bin) ?? 0,
  ]);
}

/** 1, 2 or 5 times a power of ten, at least so wide. */
function niceWidth(width: number): number {
  if (!(width > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(width));
  const factor = [1, 2, 5, 10].find((step) => step * power >= width) ?? 10;
  return Number((factor * power).toPrecision(12));
}
