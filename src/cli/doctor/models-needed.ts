import { Failure } from "../../base/error.ts";
import type { Settings } from "../../config/options.ts";
import { modelDirectory } from "../../config/paths.ts";
import type { CatalogModel } from "../../models/catalog.ts";
import { embeddedManifests } from "../../models/catalog.ts";
import { knownModels } from "../../models/known-models.ts";
import { lockedFiles } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { readScoring, type Scoring } from "../../validator/open-judge.ts";
import { encoderOf } from "../../validator/open-router.ts";
import { type ModelInRole, placeModels } from "../../validator/placement.ts";
import type { Patient } from "./patient.ts";

export interface NeededModel {
  placed: ModelInRole;
  /** undefined for one that no catalogue and no folder knows, and for those inside the program. */
  model: CatalogModel | undefined;
  isEmbedded: boolean;
  /** A start with these settings pulls it by itself where it is not here. */
  isBrought: boolean;
}

/** What scores with a profile and these settings, and where each model runs. @throws Failure `rewards.*`, `config.*` */
export function scoringWith(
  given: Settings,
  modelsProfile: string,
): { scoring: Scoring; placed: ModelInRole[] } {
  const settings = { ...given, modelsProfile };
  const scoring = readScoring(settings);
  return { scoring, placed: placeModels(settings, scoring, encoderOf(settings, scoring.profile)) };
}

/** What is found of models where `readNeeded` gives none. */
export const NONE_NAMED = "not looked at, for models.profile is wrong";

/** Every model that these settings load; undefined where the check models.profile says what is wrong with them. */
export async function readNeeded(
  patient: Patient,
): Promise<{ directory: string; models: NeededModel[] } | undefined> {
  const { settings: given, environment } = patient;
  const { profile } = await patient.profile();
  let placed: ModelInRole[];
  try {
    placed = scoringWith(given, profile).placed;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
  const directory = modelDirectory(given.modelsDir, environment);
  const catalog = new Map(knownModels(directory).map((model) => [model.id, model]));
  const embedded = new Set(embeddedManifests().map(({ id }) => id));
  return {
    directory,
    models: placed.map((model) => ({
      placed: model,
      model: catalog.get(model.id),
      isEmbedded: embedded.has(model.id),
      // Where nobody named a profile, only that of a public network has models outside the program.
      isBrought: given.modelsProfile === undefined && !given.modelsOffline,
    })),
  };
}

/** What the models that are here take on a device at least; undefined where the settings name none that fit. */
export async function neededModels(patient: Patient): Promise<{ weightBytes: number } | undefined> {
  try {
    const needed = await readNeeded(patient);
    const sizes = needed?.models.map(({ model }) =>
      model === undefined ? 0 : leastWeights(needed.directory, model),
    );
    return sizes && { weightBytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch {
    return undefined; // models.profile says what is wrong
  }
}

/** Bytes of the smallest form that is here. */
function leastWeights(directory: string, model: CatalogModel): number {
  const byDtype = new Map<Dtype, number>();
  for (const { dtype, size } of lockedFiles(directory, model).values())
    if (dtype !== undefined) byDtype.set(dtype, (byDtype.get(dtype) ?? 0) + size);
  return byDtype.size === 0 ? 0 : Math.min(...byDtype.values());
}
