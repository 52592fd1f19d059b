import type { Insight } from "../insight/insight.ts";
import { minerSections } from "./miners.ts";
import { runningSections } from "./running.ts";
import { scoringSections } from "./scoring.ts";
import type { Section } from "./section.ts";
import { textSections } from "./texts.ts";

/** Everything that is told, in the order in which it is read. */
export function sectionsOf(insight: Insight): Section[] {
  return [
    ...minerSections(insight),
    ...textSections(insight),
    ...scoringSections(insight),
    ...runningSections(insight),
  ];
}
