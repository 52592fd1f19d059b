import { modelDirectory } from "../../config/paths.ts";
import type { CatalogModel } from "../../models/catalog.ts";
import { embeddedManifests } from "../../models/catalog.ts";
import { knownModels } from "../../models/known-models.ts";
import { lockedFiles } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { readScoring } from "../../validator/open-judge.ts";
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

/** Every model that these settings load. @throws Failure `rewards.*`, `config.*` */
export async function readNeeded(patient: Patient): Promise<{ directory: string; models: NeededModel[] }> {
  const { settings: given, environment } = patient;
  const { profile } = await patient.profile();
  const settings = { ...given, modelsProfile: profile };
  const scoring = readScoring(settings);
  const placed = placeModels(settings, scoring, encoderOf(settings, scoring.profile));
  const directory = modelDirectory(settings.modelsDir, environment);
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
    const { directory, models } = await readNeeded(patient);
    const sizes = models.map(({ model }) => (model === undefined ? 0 : leastWeights(directory, model)));
    return { weightBytes: sizes.reduce((sum, size) => sum + size, 0) };
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
