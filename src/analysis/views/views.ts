import { CHAIN, EVENTS, MODELS, RUNS } from "./events.ts";
import { ANSWERS, REWARDS, STEPS } from "./steps.ts";
import type { DerivedView, View } from "./view.ts";
import { SCORES, WEIGHTS } from "./weights.ts";

/** What is read from files; everything else follows from these two. */
export const STORED: readonly View[] = [EVENTS, STEPS];

export const DERIVED: readonly DerivedView[] = [ANSWERS, REWARDS, WEIGHTS, SCORES, RUNS, MODELS, CHAIN];

/** THE table of what can be asked. */
export const VIEWS: readonly View[] = [...STORED, ...DERIVED];
