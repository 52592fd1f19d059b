import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { writeFileAtomic } from "../base/atomic.ts";
import type { DeadlineCode } from "../base/deadline.ts";
import { Failure } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import { printable } from "../base/text.ts";
import { VERSION } from "../config/version.ts";
import { buildModel, planGraph } from "./build/build.ts";
import type { Checkpoint } from "./build/checkpoint/checkpoint.ts";
import { openCheckpoint } from "./build/checkpoint/open-checkpoint.ts";
import { WeightsFile } from "./build/checkpoint/weights-file.ts";
import type { CatalogModel } from "./catalog.ts";
import { checkSpace } from "./disk-space.ts";
import { type ModelCode, unusableFile } from "./failure.ts";
import { anotherFile, copyTo, fetchFiles, missingBytes, moveInto, type Progress } from "./fetched-files.ts";
import { type HubAccess, listHubFiles, type Wanted } from "./hub-files.ts";
import {
  lockedManifest,
  modelFolder,
  partFolder,
  sizeOf,
  sourceFolder,
  withModelLock,
} from "./locked-manifest.ts";
import type { Dtype, ModelFile, Provenance } from "./manifest.ts";
import type { StoreOptions } from "./pull.ts";
import { DESCRIPTIONS, folderPaths, type Source, sourceFiles } from "./source-files.ts";

/** What a pull is about to take of the network and of the disk. */
export interface SourcePlan {
  /** Of the original weights that are not here yet. */
  downloadBytes: number;
  /** Of all of them; they are removed afterwards unless they are to be kept. */
  sourceBytes: number;
  /** Of the graphs, at most. */
  resultBytes: number;
  dtypes: readonly Dtype[];
}

export interface BuildStoreOptions extends StoreOptions {
  dtypes: readonly Dtype[];
  onProgress?: Progress;
}

/** Bytes of a graph for each byte of its source, at most: the source may be in 16 bits, and the tables of words stay floats. */
const GROWTH: Readonly<Record<Dtype, number>> = { fp32: 2.05, fp16: 1.05, q8: 1, q4: 1, q4f16: 0.7 };

/**
 * Downloads the original weights of a model and builds its graphs in the given forms. Goes on where it stopped: a file that
 * is whole is not fetched again, and a form that is built is not built again. The manifest that makes a form loadable is
 * written after its last byte.
 * @returns the forms that were built now
 * @throws Failure `model.refused`, `model.unreachable`, `model.corrupt`, `model.unsupported`, `model.no-space`, `model.busy`,
 * `deadline.aborted`
 */
export async function pullSource(
  directory: string,
  model: CatalogModel,
  source: Source,
  access: HubAccess,
  options: BuildStoreOptions & { keepSource?: boolean; onPlan?: (plan: SourcePlan) => void },
): Promise<Dtype[]> {
  return await withModelLock(directory, model, async () => {
    const dtypes = await dtypesToBuild(directory, model, options.dtypes);
    if (dtypes.length === 0) return [];
    const listed = await listHubFiles(access, model.repo, model.revision);
    const wanted = sourceFiles(model, source, listed);
    const folder = sourceFolder(directory, model.id);
    const parts = join(partFolder(directory, model.id), "source");
    dropOthers(folder, wanted);
    const sourceBytes = wanted.reduce((sum, { size }) => sum + size, 0);
    const resultBytes = Math.ceil(dtypes.reduce((sum, dtype) => sum + GROWTH[dtype] * sourceBytes, 0));
    const downloadBytes = missingBytes(wanted, folder, parts);
    options.onPlan?.({ downloadBytes, sourceBytes, resultBytes, dtypes });
    checkSpace(directory, downloadBytes + resultBytes, model.id, options.freeBytes);
    // What tells of another model than is known comes first: gigabytes are not fetched for it.
    const [small, weights] = [wanted.filter(isDescription), wanted.filter((file) => !isDescription(file))];
    const described = await fetchFiles(access, small, folder, parts, options.onProgress);
    checkDescriptions(folder, model);
    const fetched = await fetchFiles(access, weights, folder, parts, options.onProgress);
    const files = filesOf(new Map([...described, ...fetched]));
    await buildForms(directory, model, folder, files, { ...options, dtypes }, access.signal);
    if (!options.keepSource) rmSync(folder, { recursive: true, force: true });
    rmSync(partFolder(directory, model.id), { recursive: true, force: true });
    return dtypes;
  });
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
  { signal, ...options }: BuildStoreOptions & { signal?: AbortSignal },
): Promise<string[]> {
  const paths = folderPaths(folder, source);
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
    await buildForms(directory, model, folder, found, options, signal);
    rmSync(join(partFolder(directory, model.id), "built"), { recursive: true, force: true });
    return unproven;
  });
}

/** The forms of those asked for that are not whole here. */
async function dtypesToBuild(
  directory: string,
  model: CatalogModel,
  dtypes: readonly Dtype[],
): Promise<Dtype[]> {
  const locked = lockedManifest(directory, model)?.files ?? [];
  const right = new Set<ModelFile>();
  for (const file of locked) {
    const path = join(modelFolder(directory, model.id), file.path);
    if (sizeOf(path) === file.size && (await sha256OfFile(path)) === file.sha256) right.add(file);
  }
  const isWhole = (dtype: Dtype | undefined): boolean => {
    const files = locked.filter((file) => file.dtype === dtype);
    return files.length > 0 && files.every((file) => right.has(file));
  };
  return isWhole(undefined) ? dtypes.filter((dtype) => !isWhole(dtype)) : [...dtypes];
}

async function buildForms(
  directory: string,
  model: CatalogModel,
  folder: string,
  files: readonly ModelFile[],
  { dtypes, freeBytes, onProgress }: BuildStoreOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkDescriptions(folder, model);
  const provenance: Provenance = {
    repo: model.repo,
    revision: model.revision,
    files: [...files],
    builder: VERSION,
  };
  const checkpoint = await openCheckpoint(folder);
  try {
    // All forms are planned before the first is written, so that a variant that is not built is told at once.
    const neededBytes = dtypes.reduce(
      (sum, dtype) => sum + planGraph(checkpoint, model, dtype).weightBytes,
      0,
    );
    checkSpace(directory, neededBytes, model.id, freeBytes);
    for (const dtype of dtypes) {
      const built = await buildForm(directory, model, checkpoint, dtype, onProgress, signal);
      copyDescriptions(directory, model, folder);
      lockBuilt(directory, model, [...files.filter(isDescription), ...built], provenance);
    }
  } finally {
    await checkpoint.close();
  }
}

async function buildForm(
  directory: string,
  model: CatalogModel,
  checkpoint: Checkpoint,
  dtype: Dtype,
  onProgress: Progress | undefined,
  signal: AbortSignal | undefined,
): Promise<ModelFile[]> {
  const into = join(partFolder(directory, model.id), "built");
  // What a build that was killed left behind is no part of this one.
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true, mode: 0o700 });
  try {
    const written = await buildModel(checkpoint, model, {
      dtype,
      into,
      onProgress: (done, total) => onProgress?.(`${model.id} as ${dtype}`, done, total),
      ...(signal === undefined ? {} : { signal }),
    });
    return written.map(({ path, size, sha256 }) => {
      const name = relative(into, path);
      moveInto(join(modelFolder(directory, model.id), name), path);
      return { path: name, size, sha256, dtype };
    });
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new Failure<DeadlineCode>("deadline.aborted", {
      message: `the build of ${model.id} was stopped`,
      hint: "begin it again; what is downloaded, and forms that are built, are kept",
      cause: error,
    });
  }
}

/** So that another model, or a tokenizer that is none, is told before the hours of a build. */
function checkDescriptions(folder: string, model: CatalogModel): void {
  const contents = DESCRIPTIONS.map((path): Record<string, unknown> => {
    try {
      const content: unknown = JSON.parse(readFileSync(join(folder, path), "utf8"));
      if (typeof content !== "object" || content === null) throw new Error("it holds no JSON object");
      return content as Record<string, unknown>;
    } catch (error) {
      throw unusableFile(path, model.id, error);
    }
  });
  const type = contents[0]!.model_type;
  if (type === model.architecture) return;
  throw new Failure<ModelCode>("model.unsupported", {
    message: `config.json says that the model is ${printable(JSON.stringify(type) ?? "of no type")}, and ${model.id} is ${model.architecture}`,
    hint: `the checkpoint must be that of ${model.repo} at ${model.revision}`,
  });
}

function isDescription({ path }: { path: string }): boolean {
  return (DESCRIPTIONS as readonly string[]).includes(path);
}

function copyDescriptions(directory: string, model: CatalogModel, folder: string): void {
  for (const path of DESCRIPTIONS) {
    const part = join(partFolder(directory, model.id), path);
    copyTo(part, join(folder, path));
    moveInto(join(modelFolder(directory, model.id), path), part);
  }
}

/** Writes the manifest with the built files beside forms that were built before. */
function lockBuilt(
  directory: string,
  model: CatalogModel,
  built: readonly ModelFile[],
  provenance: Provenance,
): void {
  const paths = new Set(built.map(({ path }) => path));
  const before = lockedManifest(directory, model)?.files.filter(({ path }) => !paths.has(path)) ?? [];
  const text = `${JSON.stringify({ ...model, files: [...before, ...built], provenance }, null, 2)}\n`;
  writeFileAtomic(join(modelFolder(directory, model.id), "manifest.json"), text);
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
