import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { expandPath } from "../../config/paths.ts";
import type { InferenceCode } from "../../inference/failure.ts";
import { type CatalogModel, catalogModel, embeddedManifests } from "../../models/catalog.ts";
import { importedModel, isPulled, preferredDtypes } from "../../models/known-models.ts";
import { dtypesOf, lockedFiles, modelFolder, modelState, wantedFiles } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { dtypesIn, importModel, pullModel, removeModel, verifyModel } from "../../models/pull.ts";
import { chosenProfile, PROFILE_NAMES } from "../../rewards/profiles.ts";
import { rolesOf } from "../../rewards/roles.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { openModels } from "../opened-models.ts";
import { bytesText } from "../progress.ts";
import { withProgress } from "../shown-progress.ts";
import { renderTable } from "../table.ts";
import { pullAndBuild } from "./models-build.ts";

const HOW_TO_EXPORT =
  "make it with models/export/export.py (models/README.md), then: openvalidator models import ID FOLDER";

export async function listModels(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
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
      isBuilt: false,
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
      isExport: !isPulled(model),
      isBuilt: model.checkpoint !== undefined,
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
    row.sizeBytes === null
      ? row.isExport
        ? "to export"
        : row.isBuilt
          ? "to build"
          : "told by pull"
      : bytesText(row.sizeBytes),
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
  const { directory, catalog, access, profile, dtypes } = openModels(context);
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const needed = profile === undefined ? [] : neededBy(profile).filter((id) => !inside.has(id));
  const named = (context.words ?? []).flatMap((word) =>
    PROFILE_NAMES.includes(word) ? neededBy(word) : word,
  );
  const ids = new Set([...named, ...needed]);
  if (ids.size === 0 && profile === undefined)
    throw new Failure<ConfigCode>("config.missing-value", {
      message: "openvalidator models pull needs the id of a model, the name of a profile, or --profile FILE",
      hint: "openvalidator models list shows the ids",
    });
  for (const id of ids) if (inside.has(id)) context.print(`${id} is inside the program\n`);
  // All are looked up before the first byte is pulled.
  const models = [...ids].filter((id) => !inside.has(id)).map((id) => catalogModel(catalog, id));
  const isHere = (model: CatalogModel): boolean => modelState(directory, model) === "here";
  const atHub = models.filter((model) => model.export === undefined);
  for (const model of atHub) wantedFiles(model, dtypes);
  for (const model of models) {
    const { id, checkpoint } = model;
    if (!isPulled(model)) continue;
    context.print(`${id}: ${model.repo} at ${model.revision}, licence ${model.licence.spdx}\n`);
    context.print(`  ${model.licence.url}\n`);
    if (checkpoint !== undefined) {
      await pullAndBuild(context, directory, { ...model, checkpoint }, access, dtypes);
      continue;
    }
    await withProgress(context, (onProgress) =>
      pullModel(directory, model, access, { dtypes: dtypes ?? preferredDtypes(model), onProgress }),
    );
    context.print(`${id} is in ${modelFolder(directory, id)}\n`);
  }
  const missing = models.filter((model) => !isPulled(model) && !isHere(model));
  if (missing.length > 0)
    throw new Failure<InferenceCode>("model.missing", {
      message: `no hub has these as ONNX, and they are not built here: ${missing.map(({ id }) => id).join(", ")}`,
      hint: HOW_TO_EXPORT,
    });
  return EXIT.ok;
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

export async function remove(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
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
  if (!isPulled(model)) return `openvalidator models import ${model.id} FOLDER`;
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
