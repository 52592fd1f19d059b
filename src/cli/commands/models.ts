import { freeBytesOf } from "../../base/disk.ts";
import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { expandPath } from "../../config/paths.ts";
import type { InferenceCode } from "../../inference/failure.ts";
import { type CatalogModel, catalogModel, embeddedManifests } from "../../models/catalog.ts";
import { checkSpace } from "../../models/disk-space.ts";
import type { HubAccess } from "../../models/hub-files.ts";
import {
  bringCommand,
  builtModel,
  importedModel,
  isPulled,
  preferredDtypes,
} from "../../models/known-models.ts";
import {
  dtypesHere,
  dtypesOf,
  lockedFiles,
  modelFolder,
  modelState,
  wantedFiles,
} from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { dtypesIn, importModel, pullModel, verifyModel } from "../../models/pull.ts";
import { PROFILE_NAMES } from "../../rewards/profiles.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { costsOf, totalCost } from "../model-costs.ts";
import { costTable } from "../models-tables.ts";
import { openModels } from "../opened-models.ts";
import { eachOnce, modelsOfProfile, type ProfileNeed } from "../profile-models.ts";
import { bytesText } from "../progress.ts";
import { withProgress } from "../shown-progress.ts";
import { pullAndBuild } from "./models-build.ts";

const HOW_TO_EXPORT =
  "make it with models/export/export.py (models/README.md), then: openvalidator models import ID FOLDER";

/** What was named on the command line: models by their ids, and those of profiles. */
function namedNeeds(words: readonly string[], profile: string | undefined): ProfileNeed[] {
  return eachOnce([
    ...words.flatMap((word): ProfileNeed[] =>
      PROFILE_NAMES.includes(word) ? modelsOfProfile(word) : [{ id: word, roles: [], dtypes: undefined }],
    ),
    ...(profile === undefined ? [] : modelsOfProfile(profile)),
  ]);
}

export async function pull(context: CommandContext): Promise<number> {
  const { directory, catalog: known, access, profile, dtypes } = openModels(context);
  const needs = namedNeeds(context.words ?? [], profile);
  if (needs.length === 0 && profile === undefined)
    throw new Failure<ConfigCode>("config.missing-value", {
      message: "openvalidator models pull needs the id of a model, the name of a profile, or --profile FILE",
      hint: "openvalidator models list shows the ids",
    });
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const isOriginal = context.flags.original === "true";
  const catalog = known.map((model) =>
    isOriginal && model.original !== undefined && needs.some(({ id }) => id === model.id)
      ? builtModel(directory, known, model)
      : model,
  );
  // All are looked up before the first byte is pulled.
  const models = needs.flatMap((need) =>
    inside.has(need.id) ? [] : { need, model: catalogModel(catalog, need.id, PROFILE_NAMES) },
  );
  for (const { model } of models) if (model.checkpoint === undefined) wantedFiles(model, dtypes);
  const keepsSource = context.flags["keep-source"] === "true";
  await showCosts(context, { directory, catalog, needs, access, dtypes, keepsSource });
  for (const { need, model } of models) {
    const { id, checkpoint } = model;
    if (!isPulled(model)) continue;
    const forms = dtypes ?? preferredDtypes(model, need.dtypes);
    context.print(`\n${id}, licence ${model.licence.spdx}\n  ${model.licence.url}\n`);
    context.print(`  from ${model.repo}\n  at ${model.revision}\n`);
    if (checkpoint !== undefined) {
      await pullAndBuild(context, directory, { ...model, checkpoint }, access, forms);
      continue;
    }
    await withProgress(context, (onProgress) =>
      pullModel(directory, model, access, { dtypes: forms, onProgress }),
    );
    context.print(`${id} is in ${modelFolder(directory, id)}\n`);
  }
  const missing = models.filter(({ model }) => !isPulled(model) && modelState(directory, model) !== "here");
  if (missing.length > 0)
    throw new Failure<InferenceCode>("model.missing", {
      message: `no hub has these as ONNX, and they are not built here: ${missing.map(({ model }) => model.id).join(", ")}`,
      hint: HOW_TO_EXPORT,
    });
  return EXIT.ok;
}

interface CostQuestion {
  directory: string;
  catalog: readonly CatalogModel[];
  needs: readonly ProfileNeed[];
  access: HubAccess;
  dtypes: readonly Dtype[] | undefined;
  keepsSource: boolean;
}

/** Tells what a pull takes, and whether the disk has it. @throws Failure `model.no-space` */
async function showCosts(context: CommandContext, question: CostQuestion): Promise<void> {
  const { directory, catalog, needs, keepsSource } = question;
  const { access, dtypes } = question;
  const costs = await costsOf(directory, catalog, needs, {
    access,
    ...(dtypes && { dtypes }),
  });
  context.print(costTable(costs, { width: screenWidth(context.environment), keepsSource }));
  const { peak } = totalCost(costs, keepsSource);
  if (peak === 0) return;
  checkSpace(directory, peak, "all of it");
  context.print(`${bytesText(freeBytesOf(directory))} of the disk are free in ${directory}\n`);
}

export async function verify(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const named = (context.words ?? []).map((id) => catalogModel(catalog, id));
  const models =
    named.length > 0 ? named : catalog.filter((model) => modelState(directory, model) !== "absent");
  const remedies: string[] = [];
  for (const model of models) {
    const problems = await verifyModel(directory, model);
    for (const { path, problem } of problems) context.print(`${model.id}: ${path}: ${problem}\n`);
    if (problems.length === 0) context.print(`${model.id}: right, ${lockedNote(directory, model)}\n`);
    else remedies.push(pullCommand(directory, model));
  }
  if (models.length === 0) context.print(`no models in ${directory}\n`);
  if (remedies.length === 0) return EXIT.ok;
  throw new Failure<InferenceCode>("model.corrupt", {
    message: "not every file is there and right",
    hint: `get it again, only what is wrong is fetched: ${remedies.join("; ")}`,
  });
}

export async function printPath(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const model = catalogModel(catalog, context.words![0]!);
  if (modelState(directory, model) === "absent")
    throw new Failure<InferenceCode>("model.missing", {
      message: `${model.id} is not in ${directory}`,
      hint: !isPulled(model) ? HOW_TO_EXPORT : pullCommand(directory, model),
    });
  context.print(`${modelFolder(directory, model.id)}\n`);
  return EXIT.ok;
}

export async function importFolder(context: CommandContext): Promise<number> {
  const { directory, dtypes } = openModels(context);
  const [id, folder] = context.words as [string, string];
  const source = expandPath(folder);
  const model = importedModel(id, source);
  const whole = dtypesIn(model, source);
  // Where no form is whole, all are asked for, so that the import says what it misses.
  const unproven = await importModel(directory, model, source, {
    dtypes: dtypes ?? (whole.length > 0 ? whole : undefined),
  });
  context.print(`${id} is in ${modelFolder(directory, id)}, licence ${model.licence.spdx}\n`);
  if (unproven.length > 0)
    context.print(`No known sha256, locked as found in the folder: ${unproven.join(", ")}\n`);
  return EXIT.ok;
}

/** What brings the forms of a model that were got before; all of them where that is not known. */
function pullCommand(directory: string, model: CatalogModel): string {
  const dtypes = dtypesHere(directory, model);
  const isSome = dtypes.length > 0 && dtypes.length < dtypesOf(model).length;
  return `${bringCommand(model)}${isPulled(model) && isSome ? ` --dtype ${dtypes.join(",")}` : ""}`;
}

/** Which weights were read, and how many hashes nothing but the first pull or import stands for. */
function lockedNote(directory: string, model: CatalogModel): string {
  const locked = lockedFiles(directory, model);
  const dtypes = dtypesHere(directory, model).join(" ");
  const unsealed = model.files.filter(({ path, sha256 }) => locked.has(path) && sha256 === null).length;
  return unsealed === 0
    ? dtypes
    : `${dtypes} (${unsealed} of ${locked.size} hashes locked by the first pull or import)`;
}
