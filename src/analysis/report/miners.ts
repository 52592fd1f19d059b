import { pluralOf, printable } from "../../base/text.ts";
import { successOf } from "../insight/calls.ts";
import type { Insight } from "../insight/insight.ts";
import { cellText, type Section } from "./section.ts";

const count = (value: number): string => cellText(value, "count");
const share = (value: number): string => cellText(value, "share");
const reward = (value: number | null): string => cellText(value, "reward");
/** A hotkey as people tell it from others. */
const short = (hotkey: string | null): string =>
  hotkey === null || hotkey === "" ? "–" : `${printable(hotkey.slice(0, 8), 16)}…`;

/** What was asked and answered, and who stands where. */
export function minerSections(insight: Insight): Section[] {
  return [throughput(insight), leaderboard(insight), scores(insight), calls(insight), latency(insight)];
}

/** A time in the unit that has digits to show of it. */
function spanWords(hours: number): string {
  if (hours < 1 / 60) return `${(hours * 3600).toFixed(1)} seconds`;
  return hours < 1 ? `${(hours * 60).toFixed(1)} minutes` : `${hours.toFixed(1)} hours`;
}

function throughput({ throughput: told }: Insight): Section {
  const { steps, uncounted, asked, answered, hours, stepsPerHour, meanReward, points } = told;
  const pace = stepsPerHour === null ? "" : `, ${stepsPerHour.toFixed(1)} an hour`;
  const lost = uncounted === 0 ? "" : ` ${count(uncounted)} did not count: an outage of our own.`;
  const rate = asked === 0 ? "" : ` (${share(answered / asked)})`;
  return {
    id: "throughput",
    title: "Throughput",
    words: `${count(steps)} ${pluralOf(steps, "step")} in ${spanWords(hours)}${pace}: ${count(answered)} of ${count(asked)} calls were answered${rate}, mean reward ${reward(meanReward)}.${lost}`,
    charts: [
      {
        id: "steps",
        title: "Steps over time",
        form: "count",
        kind: "lines",
        series: [{ name: "steps", points: points.map(({ ms, steps: n }) => [ms, n]) }],
      },
      {
        id: "answered",
        title: "Share of calls answered",
        form: "share",
        kind: "lines",
        series: [
          {
            name: "answered",
            points: points.map((at) => [at.ms, at.asked > 0 ? at.answered / at.asked : null]),
          },
        ],
      },
      {
        id: "rewards",
        title: "Rewards over time",
        form: "reward",
        kind: "lines",
        series: [
          { name: "mean of all asked", points: points.map(({ ms, meanReward: mean }) => [ms, mean]) },
          { name: "best of the step", points: points.map(({ ms, bestReward }) => [ms, bestReward]) },
        ],
      },
    ],
    tables: [],
  };
}

function leaderboard({ leaderboard: standings }: Insight): Section {
  const best = standings[0];
  return {
    id: "leaderboard",
    title: "Leaderboard",
    words:
      best === undefined
        ? "No miner was asked."
        : `${count(standings.length)} ${pluralOf(standings.length, "miner")} by their mean reward over the steps that counted; no answer earns 0. Best: uid ${best.uid} with ${reward(best.meanReward)}.`,
    charts: [
      {
        id: "leaderboard",
        title: "Mean reward by uid",
        form: "reward",
        kind: "bars",
        axis: "uid",
        names: standings.slice(0, 40).map(({ uid }) => String(uid)),
        values: standings.slice(0, 40).map(({ meanReward }) => meanReward),
      },
    ],
    tables: [
      {
        title: "Miners",
        columns: [
          { title: "uid", form: "uid" },
          { title: "hotkey", form: "key", spare: 3 },
          { title: "asked", form: "count", spare: 2 },
          { title: "success", form: "share" },
          { title: "mean reward", form: "reward" },
          { title: "best of step", form: "share", spare: 1 },
          { title: "median time", form: "seconds", spare: 4, isQuantile: true },
          { title: "score", form: "reward" },
          { title: "weight", form: "reward" },
        ],
        rows: standings.map((one) => [
          one.uid,
          short(one.miner),
          one.asked,
          one.success,
          one.meanReward,
          one.bestShare,
          one.latency,
          one.score,
          one.weight,
        ]),
      },
    ],
  };
}

function scores({ scores: lines }: Insight): Section {
  return {
    id: "scores",
    title: "Moving scores",
    words:
      lines.length === 0
        ? "No checkpoint of the scores is in these sources."
        : `Moving averages of the ${lines.length} highest at the end, as each checkpoint told them.`,
    charts: [
      {
        id: "scores",
        title: "Moving scores of the highest",
        form: "reward",
        kind: "lines",
        series: lines.map(({ uid, points }) => ({ name: `uid ${uid}`, points })),
      },
    ],
    tables: [
      {
        title: "Scores",
        columns: [
          { title: "uid", form: "uid" },
          { title: "hotkey", form: "key", spare: 1 },
          { title: "score", form: "reward" },
          { title: "over time", form: "trend" },
        ],
        rows: lines.map(({ uid, miner, score, points }) => [
          uid,
          short(miner),
          score,
          points.map(([, value]) => value),
        ]),
      },
    ],
  };
}

/** Status codes in the order of their frequency that have a column of their own. */
const SHOWN_STATUSES = 5;

function calls({ calls: told }: Insight): Section {
  const { byStatus, miners } = told;
  const total = byStatus.reduce((sum, [, n]) => sum + n, 0);
  const statuses = byStatus.slice(0, SHOWN_STATUSES).map(([status]) => status);
  const listed = byStatus.map(([status, n]) => `${status === 0 ? "none" : status} ${share(n / total)}`);
  return {
    id: "calls",
    title: "Calls and status codes",
    words:
      total === 0
        ? "No call was made."
        : `What the calls came to: ${listed.slice(0, 8).join(", ")}. 200 is an answer, 408 too late, 503 unreachable.`,
    charts: [
      {
        id: "status-codes",
        title: "Calls by status code",
        form: "count",
        kind: "bars",
        axis: "status code",
        names: byStatus.map(([status]) => String(status)),
        values: byStatus.map(([, n]) => n),
      },
    ],
    tables: [
      {
        title: "Success by uid, the lowest first",
        columns: [
          { title: "uid", form: "uid" },
          { title: "calls", form: "count" },
          { title: "success", form: "share" },
          ...statuses.map((status, index) => ({
            title: status === 0 ? "no code" : String(status),
            form: "count" as const,
            spare: index,
          })),
        ],
        rows: miners.map((miner) => [
          miner.uid,
          miner.calls,
          successOf(miner),
          ...statuses.map((status) => miner.byStatus.find(([code]) => code === status)?.[1] ?? 0),
        ]),
      },
    ],
  };
}

function latency({ calls: { latencies, histogram } }: Insight): Section {
  const slowest = latencies[0];
  return {
    id: "latency",
    title: "Latency",
    words:
      slowest === undefined
        ? "Nobody answered."
        : `Seconds from the call to the answer, over the calls with status 200. The slowest is uid ${slowest.uid} with a median of ${cellText(slowest.p50, "seconds")}.`,
    charts: [
      {
        id: "latency",
        title: "Answers by their time",
        form: "count",
        kind: "bars",
        axis: "seconds, from",
        names: histogram.map(([from]) => String(from)),
        values: histogram.map(([, n]) => n),
      },
    ],
    tables: [
      {
        title: "Time by uid, the slowest first",
        columns: [
          { title: "uid", form: "uid" },
          { title: "answers", form: "count" },
          { title: "median", form: "seconds", isQuantile: true },
          { title: "90 %", form: "seconds", isQuantile: true },
          { title: "99 %", form: "seconds", isQuantile: true },
        ],
        rows: latencies.map(({ uid, answers, p50, p90, p99 }) => [uid, answers, p50, p90, p99]),
      },
    ],
  };
}
