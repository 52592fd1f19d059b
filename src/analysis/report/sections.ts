import type { Insight } from "../insight/insight.ts";
import { minerSections } from "./miners.ts";
import { runningSections } from "./running.ts";
import { scoringSections } from "./scoring.ts";
import type { Section } from "./section.ts";
import { textSections } from "./texts.ts";

const NEARLY = "≈";
/** Sections of whole steps, whichever miner is asked for. */
const OF_STEPS = new Set(["throughput", "routing", "stages", "runs"]);

/** Everything that is told, in the order in which it is read. */
export function sectionsOf(insight: Insight): Section[] {
  const sections = [
    ...minerSections(insight),
    ...textSections(insight),
    ...scoringSections(insight),
    ...runningSections(insight),
  ];
  const { uid } = insight.scope;
  const told = uid === undefined ? sections : sections.map((section) => withScope(section, uid));
  return insight.isApproximate ? told.map(withNearFigures) : told;
}

function withScope(section: Section, uid: number): Section {
  if (!OF_STEPS.has(section.id)) return section;
  return { ...section, words: `${section.words} This is of all miners in the steps that asked uid ${uid}.` };
}

/** Says of each figure that is near enough instead of exact that it is. */
function withNearFigures(section: Section): Section {
  const isNear = section.tables.some(
    ({ columns, rows }) => rows.length > 0 && columns.some(({ isQuantile }) => isQuantile),
  );
  if (!isNear) return section;
  return {
    ...section,
    words: `${section.words} Medians and other quantiles are near enough, not exact (${NEARLY}): there are more than five million answers.`,
    tables: section.tables.map((table) => ({
      ...table,
      columns: table.columns.map((column) =>
        column.isQuantile ? { ...column, title: `${NEARLY} ${column.title}` } : column,
      ),
    })),
  };
}
