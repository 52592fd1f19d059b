import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import { WeightsFile } from "./build/checkpoint/weights-file.ts";
import { buildForms, correctUses, type FormOptions } from "./built-forms.ts";
import { lacksNumbers } from "./built-numbers.ts";
import type { CatalogModel } from "./catalog.ts";
import { readDescriptions } from "./descriptions.ts";
import { checkSpace } from "./disk-space.ts";
import type { ModelCode } from "./failure.ts";
import { anotherFile, fetchFiles, missingBytes } from "./fetched-files.ts";
import { type HubAccess, listHubFiles, type Wanted } from "./hub-files.ts";
import {
  lockedManifest,
  modelFolder,
  partFolder,
  sizeOf,
  sourceFolder,
  withModelLock,
} from "./locked-manifest.ts";
import type { Dtype, ModelFile } from "./manifest.ts";
import { builtForm } from "./model-sizes.ts";
import { folderPaths, isDescription, type Source, sourceFiles } from "./source-files.ts";
import { dropUnkeptSource, keepSource } from "./stored-parts.ts";

/** What a pull is about to take of the network and of the disk. */
export interface SourcePlan {
  /** Of the original weights that are not here yet. */
  downloadBytes: number;
  /** Of all of them; they are removed afterwards unless they are to be kept. */
  sourceBytes: number;
  /** Of the graphs, at most. */
  resultBytes: number;
  /** Of fp32, at most, where it is made for a while to hold the others against it; else 0. */
  truthBytes: number;
  /** What is free of the memory that it then takes. */
  freeMemoryBytes: number;
  dtypes: readonly Dtype[];
}

/** As for the forms, which take the signal of the network. */
export type BuildStoreOptions = Omit<FormOptions, "signal"> & Planned;

interface Planned {
  /** Told before anything is fetched or built. */
  onPlan?: (plan: SourcePlan) => void;
}

/** Room for what an estimate is off by, and for what lies beside the weights. */
const MARGIN = 1.05;

/**
 * Downloads the original weights of a model and builds its graphs in the given forms. Goes on where it stopped: a file that
 * is whole is not fetched again, and a form that is built is not built again. The manifest that makes a form loadable is
 * written after its last byte.
 * @param options.keepSource whether the original weights stay, now and after later pulls; else those stay that an earlier pull was
 * told to keep
 * @returns the forms that were built now
 * @throws Failure `model.refused`, `model.unreachable`, `model.corrupt`, `model.unsupported`, `model.no-space`, `model.busy`,
 * `deadline.aborted`
 */
export async function pullSource(
  directory: string,
  model: CatalogModel,
  source: Source,
  access: HubAccess,
  options: BuildStoreOptions & { keepSource?: boolean },
): Promise<Dtype[]> {
  return await withModelLock(directory, model, async () => {
    if (options.keepSource) keepSource(directory, model);
    const dtypes = await dtypesToBuild(directory, model, options.dtypes);
    if (dtypes.length === 0) {
      correctUses(directory, model);
      // Of a build that was killed after its last form.
      dropUnkeptSource(directory, model);
      return [];
    }
    const { wanted, ...sizes } = await listSource(directory, model, source, access);
    const { folder, parts } = sourcePlaces(directory, model);
    dropOthers(folder, wanted);
    const plan = sourcePlan(model, { ...options, dtypes }, sizes);
    options.onPlan?.(plan);
    checkSpace(directory, peakOfBuild(plan), model.id, options.freeBytes);
    // What tells of another model than is known comes first: gigabytes are not fetched for it.
    const [small, weights] = [wanted.filter(isDescription), wanted.filter((file) => !isDescription(file))];
    const described = await fetchFiles(access, small, folder, parts, options.onProgress);
    readDescriptions(folder, model);
    const fetched = await fetchFiles(access, weights, folder, parts, options.onProgress);
    const files = filesOf(new Map([...described, ...fetched]));
    await buildForms(directory, model, folder, files, { ...options, dtypes, signal: access.signal });
    dropUnkeptSource(directory, model);
    rmSync(partFolder(directory, model.id), { recursive: true, force: true });
    return dtypes;
  });
}

/** Where original weights lie once they are whole, and while they come. */
export function sourcePlaces(directory: string, { id }: CatalogModel): { folder: string; parts: string } {
  return { folder: sourceFolder(directory, id), parts: join(partFolder(directory, id), "source") };
}

/**
 * The files of original weights, and what of them is still to come, in bytes.
 * @throws as `listHubFiles` and `sourceFiles`
 */
export async function listSource(
  directory: string,
  model: CatalogModel,
  source: Source,
  access: HubAccess,
): Promise<{ wanted: Wanted[]; sourceBytes: number; downloadBytes: number }> {
  const wanted = sourceFiles(model, source, await listHubFiles(access, model.repo, model.revision));
  const { folder, parts } = sourcePlaces(directory, model);
  return {
    wanted,
    sourceBytes: wanted.reduce((sum, { size }) => sum + size, 0),
    downloadBytes: missingBytes(wanted, folder, parts),
  };
}

/** Of the disk, in bytes, while a model is built; fp32 that is made for a while is gone before the last form is there. */
export function peakOfBuild({
  downloadBytes,
  resultBytes,
  truthBytes,
}: Pick<SourcePlan, "downloadBytes" | "resultBytes" | "truthBytes">): number {
  return downloadBytes + Math.max(resultBytes, truthBytes);
}

/**
 * Builds the graphs of a model from original weights in a folder, for machines without a network. Known hashes must be right.
 * @returns the files whose hash nothing vouched for
 * @throws as `pullSource`, and Failure `model.missing` for a folder that is none
 */
export async function buildFromFolder(
  directory: string,
  model: CatalogModel,
  source: Source,
  folder: string,
  options: FormOptions & Planned,
): Promise<string[]> {
  const paths = folderPaths(folder, source);
  refuseOwnFolder(directory, model, folder);
  return await withModelLock(directory, model, async () => {
    const found: ModelFile[] = [];
    const unproven: string[] = [];
    for (const path of paths) {
      // Is a file, and lies in this folder.
      await (await WeightsFile.open(folder, path)).close();
      const size = sizeOf(join(folder, path)) ?? 0;
      const sha256 = await sha256OfFile(join(folder, path));
      const known = source.files.find((file) => file.path === path);
      if ((known?.sha256 ?? sha256) !== sha256) throw anotherFile(model, folder, { path, size, sha256 });
      if (!known?.sha256) unproven.push(path);
      found.push({ path, size, sha256 });
    }
    const sourceBytes = found.reduce((sum, { size }) => sum + size, 0);
    options.onPlan?.(sourcePlan(model, options, { sourceBytes, downloadBytes: 0 }));
    await buildForms(directory, model, folder, found, options);
    return unproven;
  });
}

/** Removing the model would take its original weights with it. @throws Failure `model.unsupported` */
function refuseOwnFolder(directory: string, model: CatalogModel, folder: string): void {
  const [from, into] = [realpathSync(folder), modelFolder(directory, model.id)];
  const real = existsSync(into) ? realpathSync(into) : into;
  if (!`${from}/`.startsWith(`${real}/`) && !`${real}/`.startsWith(`${from}/`)) return;
  throw new Failure<ModelCode>("model.unsupported", {
    message: `the original weights lie in ${from}, and the model would be built in ${into}`,
    hint: "keep them elsewhere, or name another folder of models with --models.dir",
  });
}

function sourcePlan(
  model: CatalogModel,
  { dtypes, runner }: FormOptions,
  { sourceBytes, downloadBytes }: { sourceBytes: number; downloadBytes: number },
): SourcePlan {
  return {
    downloadBytes,
    sourceBytes,
    ...builtBytes(model, sourceBytes, { dtypes, isTried: runner !== undefined }),
    freeMemoryBytes: runner?.freeMemoryBytes() ?? 0,
    dtypes,
  };
}

/** What building some forms takes, by the size of the original weights. @param isTried whether fp32 is made to hold them against it */
export function builtBytes(
  model: CatalogModel,
  sourceBytes: number,
  { dtypes, isTried }: { dtypes: readonly Dtype[]; isTried: boolean },
): Pick<SourcePlan, "resultBytes" | "truthBytes"> {
  const grown = (forms: readonly Dtype[]): number =>
    Math.ceil(MARGIN * forms.reduce((sum, dtype) => sum + builtForm(model, dtype, sourceBytes), 0));
  return {
    resultBytes: grown(dtypes),
    truthBytes: isTried && !dtypes.includes("fp32") ? grown(["fp32"]) : 0,
  };
}

/** The forms of those asked for that are not whole here. */
async function dtypesToBuild(
  directory: string,
  model: CatalogModel,
  dtypes: readonly Dtype[],
): Promise<Dtype[]> {
  const manifest = lockedManifest(directory, model);
  const locked = manifest?.files ?? [];
  const right = new Set<ModelFile>();
  for (const file of locked) {
    if (file.dtype !== undefined && !dtypes.includes(file.dtype)) continue;
    const path = join(modelFolder(directory, model.id), file.path);
    if (sizeOf(path) === file.size && (await sha256OfFile(path)) === file.sha256) right.add(file);
  }
  const isWhole = (dtype: Dtype | undefined): boolean => {
    const files = locked.filter((file) => file.dtype === dtype);
    return files.length > 0 && files.every((file) => right.has(file));
  };
  const isReady = (dtype: Dtype): boolean =>
    isWhole(dtype) && manifest !== undefined && !lacksNumbers(manifest, dtype);
  return isWhole(undefined) ? dtypes.filter((dtype) => !isReady(dtype)) : [...dtypes];
}

/** Removes what an earlier pull of another revision left in the folder of the source. */
function dropOthers(folder: string, wanted: readonly Wanted[]): void {
  const names = new Set(wanted.map(({ path }) => path));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder))
    if (!names.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

function filesOf(fetched: ReadonlyMap<string, { size: number; sha256: string }>): ModelFile[] {
  return [...fetched].map(([path, { size, sha256 }]) => ({ path, size, sha256 }));
}
