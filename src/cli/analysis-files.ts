import { join } from "node:path";
import type { Insight } from "../analysis/insight/insight.ts";
import type { Section } from "../analysis/report/section.ts";
import { cellText } from "../analysis/report/section.ts";
import { writeFileAtomic } from "../base/atomic.ts";
import { LIGHT } from "../base/html-page.ts";
import { VERSION } from "../config/version.ts";

const MODE = 0o644;
const CHART_WIDTH = 800;

/** Writes the report in the place of what is there. The chart library is loaded only here. */
export async function writeReport(
  path: string,
  insight: Insight,
  sections: readonly Section[],
  sources: string,
): Promise<void> {
  const { reportPage } = await import("../analysis/report/page.ts");
  const about = {
    facts: factsOf(insight),
    sources: `${sources.trim()}${period(insight)}`,
    madeMs: Date.now(),
    version: VERSION,
  };
  writeFileAtomic(path, reportPage(sections, about), MODE);
}

/** Writes every chart as `<name>.svg`. @returns how many */
export async function writeCharts(folder: string, sections: readonly Section[]): Promise<number> {
  const { drawChart, isDrawn } = await import("../analysis/report/charts.ts");
  const charts = sections.flatMap((section) => section.charts.filter(isDrawn));
  const seen = new Map<string, number>();
  for (const chart of charts) {
    const times = (seen.get(chart.id) ?? 0) + 1;
    seen.set(chart.id, times);
    const name = times === 1 ? chart.id : `${chart.id}-${times}`;
    writeFileAtomic(
      join(folder, `${name}.svg`),
      drawChart(chart, { colours: LIGHT, width: CHART_WIDTH }),
      MODE,
    );
  }
  return charts.length;
}

function period({ throughput, fromMs, toMs }: Insight): string {
  return throughput.steps === 0
    ? ""
    : `; steps from ${cellText(fromMs, "time")} to ${cellText(toMs, "time")} UTC`;
}

function factsOf({ throughput, leaderboard, runs }: Insight): [string, string][] {
  const { steps, asked, answered, meanReward } = throughput;
  const best = leaderboard[0];
  return [
    ["steps", cellText(steps, "count")],
    ["answers", cellText(answered, "count")],
    ["calls answered", cellText(asked > 0 ? answered / asked : null, "share")],
    ["mean reward", cellText(meanReward, "reward")],
    ["miners", cellText(leaderboard.length, "count")],
    ["best miner", best === undefined ? "–" : `uid ${best.uid}`],
    ["runs", cellText(runs.count, "count")],
  ];
}
