import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { MODELS_PULL_OPTIONS } from "../../config/models-options.ts";
import { expandPath, modelDirectory } from "../../config/paths.ts";
import { type CatalogModel, catalogModel, embeddedManifests, readCatalog } from "../../inference/catalog.ts";
import type { InferenceCode } from "../../inference/failure.ts";
import { HUB, type HubAccess } from "../../inference/hub.ts";
import {
  importModel,
  modelFolder,
  modelState,
  type Progress,
  pullModel,
  removeModel,
  verifyModel,
} from "../../inference/model-store.ts";
import { rolesOf } from "../../rewards/profile.ts";
import { chosenProfile, PROFILE_NAMES } from "../../rewards/profiles.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../report.ts";
import { renderTable } from "../table.ts";

function open(context: CommandContext) {
  const { settings } = loadConfiguration(MODELS_PULL_OPTIONS, sourcesOf(context));
  const access: HubAccess = {
    endpoint: (settings.modelsMirror ?? HUB).replace(/\/+$/, ""),
    signal: context.signal,
    ...(settings.modelsToken === undefined ? {} : { token: settings.modelsToken }),
  };
  return {
    directory: modelDirectory(settings.modelsDir, context.environment),
    catalog: readCatalog(),
    access,
    profile: settings.profile,
  };
}

export async function listModels(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const rows = [
    ...embeddedManifests().map((model) => ({
      id: model.id,
      roles: ["relevance", "diversity"],
      licence: model.licence.spdx,
      sizeBytes: model.files.reduce((sum, { size }) => sum + size, 0),
      state: "embedded",
      profiles: profilesWith(model.id),
    })),
    ...catalog.map((model) => ({
      id: model.id,
      roles: model.roles,
      licence: model.licence.spdx,
      sizeBytes: knownSize(model),
      state: modelState(directory, model),
      profiles: profilesWith(model.id),
    })),
  ];
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ directory, models: rows }, null, 2)}\n`);
    return EXIT.ok;
  }
  const table = rows.map((row) => [
    row.id,
    row.roles.join(" "),
    row.licence,
    row.sizeBytes === null ? "told by pull" : megabytes(row.sizeBytes),
    row.state,
    row.profiles.join(" ") || "-",
  ]);
  context.print(renderTable(["id", "for", "licence", "size", "state", "profiles"], table));
  return EXIT.ok;
}

export async function pull(context: CommandContext): Promise<number> {
  const { directory, catalog, access, profile } = open(context);
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const needed = profile === undefined ? [] : neededBy(profile).filter((id) => !inside.has(id));
  const isKnown = (id: string): boolean => catalog.some((model) => model.id === id);
  const ids = new Set([...(context.words ?? []), ...needed.filter(isKnown)]);
  const unknown = needed.filter((id) => !isKnown(id));
  if (ids.size === 0 && profile === undefined)
    throw new Failure<ConfigCode>("config.missing-value", {
      message: "openvalidator models pull needs the id of a model, or --profile NAME",
      hint: "openvalidator models list shows the ids",
    });
  for (const id of ids) {
    if (inside.has(id)) {
      context.print(`${id} is inside the program\n`);
      continue;
    }
    const model = catalogModel(catalog, id);
    context.print(`${id}: ${model.repo} at ${model.revision}, licence ${model.licence.spdx}\n`);
    context.print(`  ${model.licence.url}\n`);
    await pullModel(directory, model, access, progressPrinter());
    context.print(`${id} is in ${modelFolder(directory, id)}\n`);
  }
  if (unknown.length > 0)
    throw new Failure<InferenceCode>("model.missing", {
      message: `the profile ${profile} also needs models that no hub has as ONNX: ${unknown.join(", ")}`,
      hint: `export each and put it, with its manifest.json, into a folder of its own below ${directory}`,
    });
  return EXIT.ok;
}

export async function verify(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const named = (context.words ?? []).map((id) => catalogModel(catalog, id));
  const models =
    named.length > 0 ? named : catalog.filter((model) => modelState(directory, model) !== "absent");
  let isGood = true;
  for (const model of models) {
    const problems = await verifyModel(directory, model);
    for (const { path, problem } of problems) context.print(`${model.id}: ${path}: ${problem}\n`);
    if (problems.length > 0) isGood = false;
    else context.print(`${model.id}: right${lockedNote(model)}\n`);
  }
  if (models.length === 0) context.print(`no models in ${directory}\n`);
  return isGood ? EXIT.ok : EXIT.unavailable;
}

export async function printPath(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  context.print(`${modelFolder(directory, catalogModel(catalog, context.words![0]!).id)}\n`);
  return EXIT.ok;
}

export async function importFolder(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const [id, folder] = context.words as [string, string];
  const model = catalogModel(catalog, id);
  const unproven = await importModel(directory, model, expandPath(folder));
  context.print(`${id} is in ${modelFolder(directory, id)}, licence ${model.licence.spdx}\n`);
  if (unproven.length > 0)
    context.print(`No known sha256, locked as found in the folder: ${unproven.join(", ")}\n`);
  return EXIT.ok;
}

export async function remove(context: CommandContext): Promise<number> {
  const { directory, catalog } = open(context);
  const model = catalogModel(catalog, context.words![0]!);
  await removeModel(directory, model);
  context.print(`${model.id} is removed\n`);
  return EXIT.ok;
}

function knownSize(model: CatalogModel): number | null {
  let sum = 0;
  for (const { size } of model.files) {
    if (size === null) return null;
    sum += size;
  }
  return sum;
}

function lockedNote(model: CatalogModel): string {
  const locked = model.files.filter(({ sha256 }) => sha256 === null).length;
  return locked === 0
    ? ""
    : ` (${locked} of ${model.files.length} hashes locked by the first pull or import)`;
}

function profilesWith(id: string): string[] {
  return PROFILE_NAMES.filter((name) => neededBy(name).includes(id));
}

/** Models that scoring with a profile loads. */
function neededBy(profile: string): string[] {
  return [...new Set(rolesOf(chosenProfile(profile), {}).map(({ model }) => model))];
}

/** A line that grows on a terminal; one line at each tenth elsewhere. To standard error: results stay clean. */
function progressPrinter(): Progress {
  let last = "";
  return (path, bytes, total) => {
    const percent = Math.floor((100 * bytes) / Math.max(1, total));
    if (process.stderr.isTTY) {
      const bar = "#".repeat(percent / 5).padEnd(20);
      const line = `  ${path} [${bar}] ${percent} % of ${megabytes(total)}`;
      if (line !== last) process.stderr.write(`\r${line}${percent === 100 ? "\n" : ""}`);
      last = line;
    } else {
      const line = `  ${path} ${percent - (percent % 10)} % of ${megabytes(total)}\n`;
      if (line !== last) process.stderr.write(line);
      last = line;
    }
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
