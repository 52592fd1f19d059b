import type { Settings } from "../config/options.ts";
import { modelDirectory } from "../config/paths.ts";
import { requireModels } from "../models/known-models.ts";
import { readScoring, type Scoring } from "./open-judge.ts";
import { encoderOf } from "./open-router.ts";
import { type ModelInRole, placeModels } from "./placement.ts";

/** Which models score and route, where each runs, and the folder they lie in. */
export interface ScoringPlan {
  scoring: Scoring;
  /** Id of the encoder that routing reads prompts with. */
  encoder: string;
  models: ModelInRole[];
  directoryOfModels: string;
}

/**
 * What the settings say of scoring, before anything is opened: a wrong name or a missing model should not be found out
 * after a chain was reached, or started.
 * @throws Failure `config.*`, `rewards.*`, `model.missing`
 */
export function planScoring(settings: Settings): ScoringPlan {
  const scoring = readScoring(settings);
  const encoder = encoderOf(settings, scoring.profile);
  const models = placeModels(settings, scoring, encoder);
  const directoryOfModels = modelDirectory(settings.modelsDir, process.env);
  requireModels(
    models.map(({ id }) => id),
    directoryOfModels,
  );
  return { scoring, encoder, models, directoryOfModels };
}
