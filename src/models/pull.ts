import { rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import { lacksNumbers } from "./built-numbers.ts";
import type { CatalogFile, CatalogModel } from "./catalog.ts";
import { checkSpace, type FreeBytes } from "./disk-space.ts";
import type { ModelCode } from "./failure.ts";
import {
  anotherFile,
  copyTo,
  fetchFiles,
  missingBytes,
  moveInto,
  type Progress,
  wantedFile,
} from "./fetched-files.ts";
import { type HubAccess, type HubFile, listHubFiles, type Wanted } from "./hub-files.ts";
import { knownUses } from "./known-models.ts";
import {
  addToLock,
  dtypesOf,
  lockedFiles,
  lockedManifest,
  modelFolder,
  partFolder,
  sizeOf,
  strangeUses,
  wantedFiles,
  withModelLock,
} from "./locked-manifest.ts";
import type { Dtype, ModelFile } from "./manifest.ts";

export interface FileProblem {
  path: string;
  problem: string;
}

export interface StoreOptions {
  /** Weights of these alone; all of them unless given. */
  dtypes?: readonly Dtype[];
  /** For tests. */
  freeBytes?: FreeBytes;
}

/**
 * Checks every locked file of a model, and that those are locked which a pull of `dtypes` brings.
 * @returns what is wrong, by file; nothing when all is right.
 */
export async function verifyModel(
  directory: string,
  model: CatalogModel,
  dtypes: readonly Dtype[] = [],
): Promise<FileProblem[]> {
  const manifest = lockedManifest(directory, model);
  if (manifest === undefined)
    return [{ path: "manifest.json", problem: "missing or damaged: nothing was pulled or imported here" }];
  const locked = manifest.files;
  const problems: FileProblem[] = [];
  const known = knownUses(model, manifest);
  for (const field of known === undefined ? [] : strangeUses(manifest, known))
    problems.push({ path: "manifest.json", problem: `has another ${field} than this program knows` });
  for (const file of wantedFiles(model, dtypes))
    if (!locked.some(({ path }) => path === file.path))
      problems.push({ path: file.path, problem: "not in the lock" });
  if (dtypesOf({ files: locked }).length === 0)
    problems.push({ path: "manifest.json", problem: "locks no weights" });
  for (const dtype of dtypesOf({ files: locked }))
    if (lacksNumbers(manifest, dtype))
      problems.push({
        path: "manifest.json",
        problem: `lacks the golden numbers of ${dtype}: build it again`,
      });
  for (const lock of locked) {
    const problem = await problemOf(
      join(modelFolder(directory, model.id), lock.path),
      lock,
      model.files.find(({ path }) => path === lock.path),
    );
    if (problem !== undefined) problems.push({ path: lock.path, problem });
  }
  return problems;
}

async function problemOf(path: string, lock: ModelFile, file?: CatalogFile): Promise<string | undefined> {
  if (file === undefined) return "locked, but no file of this model";
  if (file.sha256 !== null && file.sha256 !== lock.sha256)
    return "locked with another sha256 than this program's";
  const size = sizeOf(path);
  if (size === undefined) return "missing";
  if (size !== lock.size) return `${size} bytes instead of ${lock.size}`;
  return (await sha256OfFile(path)) === lock.sha256 ? undefined : "the sha256 is another one";
}

/**
 * Brings a model into the directory. Files that are there and right are kept; a part goes on where it stopped.
 * @throws Failure `model.missing` (such a dtype), `model.refused`, `model.unreachable`, `model.corrupt`,
 * `model.no-space`, `model.busy`, `deadline.aborted`.
 */
export async function pullModel(
  directory: string,
  model: CatalogModel,
  access: HubAccess,
  { dtypes, freeBytes, onProgress }: StoreOptions & { onProgress?: Progress } = {},
): Promise<void> {
  const files = wantedFiles(model, dtypes);
  await withModelLock(directory, model, async () => {
    const wanted = await knownFiles(directory, model, files, access);
    const folder = modelFolder(directory, model.id);
    const parts = partFolder(directory, model.id);
    checkSpace(directory, missingBytes(wanted, folder, parts), model.id, freeBytes);
    const pulled = await fetchFiles(access, wanted, folder, parts, onProgress);
    addToLock(directory, model, pulled);
    dropParts(directory, model, wanted);
  });
}

/**
 * What is known of the wanted files: by this program, else by the lock, else by the hub.
 * @throws Failure `model.refused`, `model.unreachable`, `deadline.aborted`
 */
export async function knownFiles(
  directory: string,
  model: CatalogModel,
  files: readonly CatalogFile[],
  access: HubAccess,
): Promise<Wanted[]> {
  const locked = lockedFiles(directory, model);
  const needsList = files.some((file) => !isSealed(file) && !locked.has(file.path));
  const listed: ReadonlyMap<string, HubFile> = needsList
    ? await listHubFiles(access, model.repo, model.revision)
    : new Map();
  return files.map(({ path, size, sha256 }) => {
    const lock = locked.get(path);
    const known = { path, size: size ?? lock?.size, sha256: sha256 ?? lock?.sha256 };
    return wantedFile(model, known, listed.get(path));
  });
}

/**
 * Copies a model from a folder, for machines without a network. Known hashes must be right; the others are locked as they
 * are found here, since nobody can be asked.
 * @returns the files whose hash nothing vouched for.
 * @throws Failure `model.missing`, `model.corrupt`, `model.no-space`, `model.busy`.
 */
export async function importModel(
  directory: string,
  model: CatalogModel,
  source: string,
  { dtypes, freeBytes }: StoreOptions = {},
): Promise<string[]> {
  const files = wantedFiles(model, dtypes);
  return await withModelLock(directory, model, async () => {
    const locked = lockedFiles(directory, model);
    const found = new Map<string, { size: number; sha256: string }>();
    const unproven: string[] = [];
    for (const file of files) {
      const path = join(source, file.path);
      const size = sizeOf(path);
      if (size === undefined) throw notInFolder(model, file, source);
      const sha256 = await sha256OfFile(path);
      const wanted = file.sha256 ?? locked.get(file.path)?.sha256;
      if (size === 0 || (file.size !== null && file.size !== size) || (wanted ?? sha256) !== sha256)
        throw anotherFile(model, source, { path: file.path, size, sha256 });
      if (wanted === undefined) unproven.push(file.path);
      found.set(file.path, { size, sha256 });
    }
    const neededBytes = [...found.values()].reduce((sum, { size }) => sum + size, 0);
    checkSpace(directory, neededBytes, model.id, freeBytes);
    const parts = partFolder(directory, model.id);
    for (const [path, { sha256 }] of found) {
      const part = join(parts, path);
      copyTo(part, join(source, path));
      if ((await sha256OfFile(part)) !== sha256)
        throw new Failure<ModelCode>("model.corrupt", { message: `${path} changed while it was copied` });
      moveInto(join(modelFolder(directory, model.id), path), part);
    }
    addToLock(directory, model, found);
    dropParts(directory, model, files);
    return unproven;
  });
}

/** The forms whose weights are all in a folder. */
export function dtypesIn(model: CatalogModel, folder: string): Dtype[] {
  return dtypesOf(model).filter((dtype) =>
    areIn(
      folder,
      model.files.filter((file) => file.dtype === dtype),
    ),
  );
}

function areIn(folder: string, files: readonly CatalogFile[]): boolean {
  return files.every(({ path }) => sizeOf(join(folder, path)) !== undefined);
}

function notInFolder(model: CatalogModel, file: CatalogFile, source: string): Failure<ModelCode> {
  const others = areIn(source, wantedFiles(model, [])) ? dtypesIn(model, source) : [];
  return new Failure<ModelCode>("model.missing", {
    message: `${source} has no file ${file.path}`,
    hint:
      others.length > 0
        ? `--dtype ${others.join(",")} imports what is there`
        : `the folder must hold ${wantedFiles(model)
            .map(({ path }) => path)
            .join(", ")}`,
  });
}

function isSealed({ size, sha256 }: CatalogFile): boolean {
  return size !== null && sha256 !== null;
}

/** Deletes the parts of files that are whole now; what was begun of other dtypes stays. */
function dropParts(directory: string, model: CatalogModel, whole: readonly { path: string }[]): void {
  const parts = partFolder(directory, model.id);
  for (const { path } of whole) rmSync(join(parts, path), { force: true });
  if (model.files.every(({ path }) => sizeOf(join(parts, path)) === undefined))
    rmSync(parts, { recursive: true, force: true });
}
