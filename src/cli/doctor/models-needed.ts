import { modelDirectory } from "../../config/paths.ts";
import { listAdapters } from "../../inference/adapters.ts";
import { visibleAdapters } from "../../inference/worker/adapter-choice.ts";
import type { CatalogModel } from "../../models/catalog.ts";
import { embeddedManifests } from "../../models/catalog.ts";
import { knownModels } from "../../models/known-models.ts";
import { lockedFiles } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { readScoring } from "../../validator/open-judge.ts";
import { encoderOf } from "../../validator/open-router.ts";
import { type ModelInRole, placeModels } from "../../validator/placement.ts";
import { defaultProfile } from "../first-start.ts";
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
export function readNeeded({
  settings: given,
  environment,
  nodes,
}: Pick<Patient, "settings" | "environment" | "nodes">): {
  directory: string;
  models: NeededModel[];
} {
  const settings = { ...given, modelsProfile: given.modelsProfile ?? profileOf(nodes, environment) };
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

/** What a run would choose, as far as the name of its network tells: any other endpoint is taken for a local chain. */
function profileOf({ network }: Patient["nodes"], environment: Patient["environment"]): string {
  const isPublic = network.expectedGenesis !== undefined;
  const adapters = isPublic ? visibleAdapters(listAdapters() ?? [], environment.CUDA_VISIBLE_DEVICES) : [];
  const sizes = adapters.flatMap(({ isHardware, memoryBytes }) => (isHardware ? memoryBytes : []));
  return defaultProfile(isPublic, Math.max(0, ...sizes)).profile;
}

/** What the models that are here take on a device at least; undefined where the settings name none that fit. */
export function neededModels(patient: Patient): { weightBytes: number } | undefined {
  try {
    const { directory, models } = readNeeded(patient);
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
