import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { type CatalogModel, catalogSchema, embeddedManifests, originalOf, readCatalog } from "./catalog.ts";
import type { ModelCode } from "./failure.ts";
import { dtypesOf, lockedManifest, modelFolder, usesOf } from "./locked-manifest.ts";
import { type DeviceKind, type Dtype, type ModelManifest, manifestContent } from "./manifest.ts";
import type { Source } from "./source-files.ts";

/**
 * Every model that can be named: those of this program, then those that were imported with a manifest of their own. The
 * files of an exported or built model are known only once it is here.
 */
export function knownModels(directory: string): CatalogModel[] {
  const catalog = readCatalog();
  const ids = new Set(catalog.map(({ id }) => id));
  const folders = existsSync(directory) ? readdirSync(directory).sort() : [];
  return [
    ...catalog.map((model) => {
      const expected = model.export === undefined ? originalOf(model) : model;
      return (expected && ownManifest(directory, model.id, expected)) ?? model;
    }),
    ...folders.flatMap((id) => (ids.has(id) ? [] : (ownManifest(directory, id) ?? []))),
  ];
}

/** What the manifest in a model's folder says; undefined where there is none of this model. */
function ownManifest(directory: string, id: string, expected?: CatalogModel): CatalogModel | undefined {
  try {
    return readManifest(join(modelFolder(directory, id), "manifest.json"), id, expected);
  } catch {
    // Absent, damaged or another model: as if it were not here. `models verify` and the loader tell of damage.
    return undefined;
  }
}

/**
 * What this program knows of how a model's files are used; undefined where the manifest beside them alone tells: of a model
 * that was imported with one of its own.
 */
export function knownUses(model: CatalogModel, locked: ModelManifest): CatalogModel | undefined {
  const known = readCatalog().find(({ id }) => id === model.id) ?? model;
  return known.export === undefined || locked.provenance !== undefined ? known : undefined;
}

/**
 * The model that a folder is to be imported as: one of this program, or what the folder's own manifest.json describes.
 * @throws Failure `model.missing` or `model.corrupt` for a folder without a manifest that fits.
 */
export function importedModel(id: string, source: string): CatalogModel {
  const known = readCatalog().find((model) => model.id === id);
  return known !== undefined && known.export === undefined
    ? known
    : readManifest(join(source, "manifest.json"), id, known);
}

function readManifest(path: string, id: string, expected?: CatalogModel): CatalogModel {
  const recipe = expected?.export?.recipe;
  const content = manifestContent(path);
  if (content === undefined)
    throw new Failure<ModelCode>("model.missing", {
      message: `${path} does not exist`,
      hint:
        recipe === undefined
          ? `no model of this program is called ${id}: import a folder whose manifest.json tells what it is`
          : `make the folder with models/export/export.py ${recipe}`,
    });
  const parsed = catalogSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw corrupt(path, `is wrong at ${issue!.path.join(".") || "its top"}: ${issue!.message}`, parsed.error);
  }
  const model = parsed.data;
  if (model.id !== id) throw corrupt(path, `is that of ${model.id}, not of ${id}`);
  if (dtypesOf(model).length === 0) throw corrupt(path, "names no weights");
  if (expected !== undefined && (model.repo !== expected.repo || model.revision !== expected.revision))
    throw corrupt(
      path,
      `is of ${model.repo} at ${model.revision}; this program knows ${id} as ${expected.repo} at ${expected.revision}`,
    );
  return expected === undefined
    ? model
    : {
        ...model,
        // Of what this program builds it knows the use, whatever stands there.
        ...(model.provenance !== undefined && usesOf(expected)),
        export: expected.export,
        checkpoint: expected.checkpoint,
        roles: expected.roles,
        parameters: expected.parameters,
      };
}

function corrupt(path: string, what: string, cause?: unknown): Failure<ModelCode> {
  return new Failure<ModelCode>("model.corrupt", {
    message: `${path} ${what}`,
    hint: "models/README.md describes what a manifest holds",
    cause,
  });
}

/**
 * Asks for models before anything is started.
 * @throws Failure `model.missing` that names all that are not here, with what brings them.
 */
export function requireModels(ids: readonly string[], directory: string): void {
  const inside = new Set(embeddedManifests().map(({ id }) => id));
  const missing = ids.filter(
    (id) => !inside.has(id) && !existsSync(join(modelFolder(directory, id), "manifest.json")),
  );
  if (missing.length === 0) return;
  const atHub = new Set(readCatalog().flatMap((model) => (isPulled(model) ? model.id : [])));
  const pulled = missing.filter((id) => atHub.has(id));
  const imported = missing.filter((id) => !atHub.has(id));
  const steps = [
    ...(pulled.length > 0 ? [`openvalidator models pull ${pulled.join(" ")}`] : []),
    ...imported.map((id) => `openvalidator models import ${id} FOLDER`),
  ];
  throw new Failure<ModelCode>("model.missing", {
    message: `models that this profile needs are not in ${directory}: ${missing.join(", ")}`,
    hint: `${steps.join("; ")}${imported.length > 0 ? " (models/README.md says how a folder is made)" : ""}`,
  });
}

/** Whether a pull brings a model: its graphs from the hub, or its original weights, of which they are built here. */
export function isPulled({ export: recipe, checkpoint }: CatalogModel): boolean {
  return recipe === undefined || checkpoint !== undefined;
}

/** What a user types to have it. */
export const bringCommand = (model: CatalogModel): string =>
  isPulled(model)
    ? `openvalidator models pull ${model.id}`
    : `openvalidator models import ${model.id} FOLDER`;

/**
 * Forms of a model that are pulled unless others are asked for: the best for a GPU, and the best for the CPU.
 * @param wanted by a profile, in place of the manifest's
 */
export function preferredDtypes(
  { dtype }: Pick<CatalogModel, "dtype">,
  wanted: Partial<Record<DeviceKind, Dtype | undefined>> = {},
): Dtype[] {
  return [...new Set([wanted.webgpu ?? dtype.webgpu[0]!, wanted.cpu ?? dtype.cpu[0]!])];
}

/**
 * A model as it is built of its original weights.
 * @throws Failure `model.unsupported` where nobody knows these, or where the graphs of a hub are here: files of two makers are
 * not one model
 */
export function builtModel(
  directory: string,
  catalog: readonly CatalogModel[],
  model: CatalogModel,
): CatalogModel & { checkpoint: Source } {
  const built = model.checkpoint === undefined ? originalOf(model) : model;
  if (built?.checkpoint === undefined) {
    const able = catalog.filter((other) => other.checkpoint ?? other.original).map(({ id }) => id);
    throw new Failure<ModelCode>("model.unsupported", {
      message: `${model.id} is not built by this program`,
      hint: `it builds ${able.join(", ")}`,
    });
  }
  // What is begun, of either kind, is no model yet: a build that was killed goes on.
  if (built !== model && lockedManifest(directory, model) !== undefined)
    throw new Failure<ModelCode>("model.unsupported", {
      message: `the graphs of ${model.id} from ${model.repo} are in ${modelFolder(directory, model.id)}, and they are not mixed with what is built of ${built.repo}`,
      hint: `to build it: openvalidator models remove ${model.id}`,
    });
  return { ...built, checkpoint: built.checkpoint };
}
