import { Failure } from "../../base/error.ts";
import { badValue, type ConfigCode } from "../../config/kinds.ts";
import { describeOrigin, loadConfiguration, type Origin } from "../../config/load.ts";
import { MODELS_PULL_OPTIONS } from "../../config/models-options.ts";
import { expandPath, modelDirectory } from "../../config/paths.ts";
import type { InferenceCode } from "../../inference/failure.ts";
import { type CatalogModel, catalogModel, embeddedManifests } from "../../models/catalog.ts";
import type { HubAccess } from "../../models/hub-files.ts";
import { importedModel, knownModels, preferredDtypes } from "../../models/known-models.ts";
import { dtypesOf, lockedFiles, modelFolder, modelState, wantedFiles } from "../../models/locked-manifest.ts";
import { type Dtype, dtypeSchema } from "../../models/manifest.ts";
import { dtypesIn, importModel, pullModel, removeModel, verifyModel } from "../../models/pull.ts";
import { HUB } from "../../net/hugging-face.ts";
import { chosenProfile, PROFILE_NAMES } from "../../rewards/profiles.ts";
import { rolesOf } from "../../rewards/roles.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { bytesText, showProgress } from "../progress.ts";
import { renderTable } from "../table.ts";

const HOW_TO_EXPORT =
  "make it with models/export/export.py (models/README.md), then: openvalidator models import ID FOLDER";

function open(context: CommandContext) {
  const { settings, origins } = loadConfiguration(MODELS_PULL_OPTIONS, sourcesOf(context));
  const access: HubAccess = {
    endpoint: settings.modelsMirror ?? HUB,
    signal: context.signal,
    ...(settings.modelsToken === undefined ? {} : { token: settings.modelsToken }),
  };
  const directory = modelDirectory(settings.modelsDir, context.environment);
  return {
    directory,
    catalog: knownModels(directory),
    access,
    profile: settings.profile,
    ...(settings.dtype === undefined
      ? {}
      : { dtypes: parseDtypes(settings.dtype, origins.dtype, context.command) }),
  };
}

/** The names in `fp16,q4`. */
function parseDtypes(text: string, origin: Origin, command: string): Dtype[] {
  return text.split(",").map((word) => {
    const parsed = dtypeSchema.safeParse(word.trim());
    if (parsed.success) return parsed.data;
    const known = dtypeSchema.options.join(", ");
    throw badValue(
      "dtype",
      describeOrigin(origin),
      `must be some of ${known}, with commas, not "${word}"`,
      command,
    );
  });
}

export async function listModels(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const needs = PROFILE_NAMES.map((name) => ({ name, ids: neededBy(name) }));
  const profilesWith = (id: string): string[] =>
    needs.filter(({ ids }) => ids.includes(id)).map(({ name }) => name);
  const rows = [
    ...embeddedManifests().map((model) => ({
      id: model.id,
      roles: ["relevance", "diversity"],
      licence: model.licence.spdx,
      sizeBytes: model.files.reduce((sum, { size }) => sum + size, 0),
      isExport: false,
      dtypes: dtypesOf(model),
      dtypesHere: dtypesOf(model),
      state: "embedded",
      profiles: profilesWith(model.id),
    })),
    ...catalog.map((model) => ({
      id: model.id,
      roles: model.roles,
      licence: model.licence.spdx,
      sizeBytes: knownSize(directory, model),
      isExport: model.export !== undefined,
      dtypes: dtypesOf(model),
      dtypesHere: dtypesHere(directory, model),
      state: modelState(directory, model),
      profiles: profilesWith(model.id),
    })),
  ];
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ directory, models: rows }, null, 2)}\n`);
    return EXIT.ok;
  }
  // One role and one profile a line, and no licence (--json has it, and pull tells it): so it fits 100 columns.
  const table = rows.map((row) => [
    row.id,
    row.roles.join("\n"),
    row.sizeBytes === null ? (row.isExport ? "to export" : "told by pull") : bytesText(row.sizeBytes),
    row.dtypes.join(" ") || "-",
    row.state === "here" && row.dtypesHere.length < row.dtypes.length
      ? `here: ${row.dtypesHere.join("\n")}`
      : row.state,
    row.profiles.join("\n") || "-",
  ]);
  context.print(renderTable(["id", "for", "size", "dtypes", "state", "profiles"], table));
  return EXIT.ok;
}

export async function pull(context: CommandContext): Promise<number> {
  const { directory, catalog, access, profile, dtypes } = open(context);
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const needed = profile === undefined ? [] : neededBy(profile).filter((id) => !inside.has(id));
  const ids = new Set([...(context.words ?? []), ...needed]);
  if (ids.size === 0 && profile === undefined)
    throw new Failure<ConfigCode>("config.missing-value", {
      message: "openvalidator models pull needs the id of a model, or --profile NAME",
      hint: "openvalidator models list shows the ids",
    });
  for (const id of ids) if (inside.has(id)) context.print(`${id} is inside the program\n`);
  // All are looked up before the first byte is pulled.
  const models = [...ids].filter((id) => !inside.has(id)).map((id) => catalogModel(catalog, id));
  const atHub = models.filter((model) => model.export === undefined);
  for (const model of atHub) wantedFiles(model, dtypes);
  for (const model of atHub) {
    const { id } = model;
    context.print(`${id}: ${model.repo} at ${model.revision}, licence ${model.licence.spdx}\n`);
    context.print(`  ${model.licence.url}\n`);
    const progress = showProgress(process.stderr);
    context.signal.addEventListener("abort", progress.end, { once: true });
    try {
      await pullModel(directory, model, access, {
        dtypes: dtypes ?? preferredDtypes(model),
        onProgress: progress.onProgress,
      });
    } finally {
      context.signal.removeEventListener("abort", progress.end);
      progress.end();
    }
    context.print(`${id} is in ${modelFolder(directory, id)}\n`);
  }
  const missing = models.filter((model) => model.export && modelState(directory, model) !== "here");
  if (missing.length > 0)
    throw new Failure<InferenceCode>("model.missing", {
      message: `no hub has these as ONNX, so they cannot be pulled: ${missing.map(({ id }) => id).join(", ")}`,
      hint: HOW_TO_EXPORT,
    });
  return EXIT.ok;
}

export async function verify(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
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
  const { directory, catalog } = open(context);
  const model = catalogModel(catalog, context.words![0]!);
  if (modelState(directory, model) === "absent")
    throw new Failure<InferenceCode>("model.missing", {
      message: `${model.id} is not in ${directory}`,
      hint: model.export ? HOW_TO_EXPORT : pullCommand(directory, model),
    });
  context.print(`${modelFolder(directory, model.id)}\n`);
  return EXIT.ok;
}

export async function importFolder(context: CommandContext): Promise<number> {
  const { directory, dtypes } = open(context);
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

export async function remove(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const model = catalogModel(catalog, context.words![0]!);
  const wasThere = await removeModel(directory, model);
  context.print(
    wasThere ? `${model.id} is removed\n` : `${model.id} is not in ${directory}: nothing to remove\n`,
  );
  return EXIT.ok;
}

/** Bytes of the whole model where they are known, else of what was pulled of it. */
function knownSize(directory: string, model: CatalogModel): number | null {
  const locked = lockedFiles(directory, model);
  const sizes = model.files.map(({ path, size }) => size ?? locked.get(path)?.size);
  const known = sizes.filter((size) => size !== undefined);
  const isEnough =
    (sizes.length > 0 && known.length === sizes.length) || modelState(directory, model) === "here";
  return isEnough ? known.reduce((sum, size) => sum + size, 0) : null;
}

/** What brings the forms of a model that were got before; all of them where that is not known. */
function pullCommand(directory: string, model: CatalogModel): string {
  if (model.export !== undefined) return `openvalidator models import ${model.id} FOLDER`;
  const dtypes = dtypesHere(directory, model);
  const isSome = dtypes.length > 0 && dtypes.length < dtypesOf(model).length;
  return `openvalidator models pull ${model.id}${isSome ? ` --dtype ${dtypes.join(",")}` : ""}`;
}

function dtypesHere(directory: string, model: CatalogModel): Dtype[] {
  return dtypesOf({ files: [...lockedFiles(directory, model).values()] });
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

/** Models that scoring with a profile loads. */
function neededBy(profile: string): string[] {
  return [...new Set(rolesOf(chosenProfile(profile), {}).map(({ model }) => model))];
}
