import { sameDigits } from "../../analysis/insight/digits.ts";
import { checkScope, type Scope } from "../../analysis/insight/ground.ts";
import { type Insight, insightOf } from "../../analysis/insight/insight.ts";
import type { Reading } from "../../analysis/lay-tables.ts";
import { sectionsOf } from "../../analysis/report/sections.ts";
import type { SourceReport } from "../../analysis/sources/source.ts";
import { inFolder } from "../../base/in-folder.ts";
import { wantsColour } from "../../base/terminal.ts";
import { counted, jsonText } from "../../base/text.ts";
import { ANALYZE_OPTIONS } from "../../config/analysis-options.ts";
import { loadConfiguration } from "../../config/load.ts";
import { expandPath } from "../../config/paths.ts";
import { writeCharts, writeReport } from "../analysis-files.ts";
import { analysisScreen } from "../analysis-screen.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { openEvents } from "../open-events.ts";
import { outputFile } from "../output-file.ts";

/** Where the terminal does not tell its width, as in a pipe. */
const PLAIN_WIDTH = 120;
const MIN_WIDTH = 40;

/** Tells what the events of some sources come to: on the terminal, as JSON, as a report and as charts. */
export async function analyze(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(ANALYZE_OPTIONS, sourcesOf(context));
  const { since, uid, name, top } = settings;
  const scope: Scope = { sinceMs: since === undefined ? undefined : Date.parse(since), uid, name, top };
  const report = settings.report === undefined ? undefined : outputFile(settings.report);
  const charts = settings.charts === undefined ? undefined : expandPath(settings.charts);
  const work = (): Promise<void> => tell(context, scope, { report, charts });
  await (charts === undefined ? work() : inFolder(charts, work));
  return EXIT.ok;
}

interface Files {
  report: string | undefined;
  /** A folder that is there. */
  charts: string | undefined;
}

async function tell(context: CommandContext, scope: Scope, { report, charts }: Files): Promise<void> {
  const { warehouse, reports, close } = await openEvents(context, context.words ?? [], {
    keeps: true,
    outputs: { files: [report], folders: [charts] },
  });
  let insight: Insight;
  try {
    await checkScope(warehouse, scope);
    insight = sameDigits(await insightOf(warehouse, scope));
  } finally {
    close();
  }
  const sections = sectionsOf(insight);
  const sources = readingText(warehouse.reading, reports);
  if (charts !== undefined) await writeCharts(charts, sections);
  if (report !== undefined) await writeReport(report, insight, sections, sources);
  if (context.flags.json === "true") {
    context.print(`${jsonText({ sources: reports, reading: warehouse.reading, ...insight }, 2)}\n`);
    return;
  }
  context.print(`${sources}\n`);
  context.print(analysisScreen(sections, screenOf(context.environment, scope.top)));
}

/** What the screen of this process is like. */
export function screenOf(environment: CommandContext["environment"], top: number) {
  const width = screenWidth(environment) ?? PLAIN_WIDTH;
  return { width: Math.max(MIN_WIDTH, width), hasColour: wantsColour(process.stdout, environment), top };
}

/** What was read, and how much of it could not be. */
export function readingText(
  { events, unreadable, repeated }: Reading,
  reports: readonly SourceReport[],
): string {
  const files = counted(reports.length, "file");
  const damaged = reports.filter(({ note }) => note !== undefined).length;
  const bad = unreadable + reports.reduce((sum, report) => sum + report.unreadable, 0);
  const lost = [
    repeated > 0 ? `; ${counted(repeated, "copy", "copies")} of them left out` : "",
    bad > 0 ? `; ${counted(bad, "line or row is no event", "lines or rows are no events")}` : "",
    damaged > 0 ? `; ${damaged} of the files could not be read, or not to the end` : "",
  ];
  return `${counted(events, "event")} from ${files}${lost.join("")}\n`;
}
