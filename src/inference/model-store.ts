import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../base/atomic.ts";
import { Failure, isFailure } from "../base/error.ts";
import { type LockCode, lockFile } from "../base/lock.ts";
import type { CatalogFile, CatalogModel } from "./catalog.ts";
import type { InferenceCode } from "./failure.ts";
import { downloadFile, type HubAccess, listHubFiles } from "./hub.ts";
import { type ModelManifest, manifestSchema } from "./manifest.ts";

/** Left free beside a pulled model, for the journal and the state. */
const DISK_RESERVE_BYTES = 200_000_000;

export interface FileProblem {
  path: string;
  problem: string;
}

export type ModelState = "here" | "partly" | "absent";

/** Told of each file as it grows. */
export type Progress = (path: string, bytes: number, totalBytes: number) => void;

/** The folder of one model, which holds its files and manifest.json, the lock of their sizes and hashes. */
export function modelFolder(directory: string, id: string): string {
  return join(directory, id);
}

/**
 * The manifest written by pull or import, with every size and hash; undefined before the first pull, or for another
 * revision.
 */
export function lockedManifest(directory: string, model: CatalogModel): ModelManifest | undefined {
  const path = join(modelFolder(directory, model.id), "manifest.json");
  if (!existsSync(path)) return undefined;
  try {
    const content = JSON.parse(readFileSync(path, "utf8")) as { revision?: unknown };
    const parsed = manifestSchema.safeParse(content);
    return parsed.success && content.revision === model.revision ? parsed.data : undefined;
  } catch {
    // Damaged: as if it were not there. The next pull writes it anew, from the hub's hashes.
    return undefined;
  }
}

export function modelState(directory: string, model: CatalogModel): ModelState {
  const folder = modelFolder(directory, model.id);
  const locked = lockedManifest(directory, model);
  const sizes = new Map(locked?.files.map(({ path, size }) => [path, size]));
  const complete = model.files.filter(({ path }) => sizes.get(path) === sizeOf(join(folder, path)));
  if (locked !== undefined && complete.length === model.files.length) return "here";
  return existsSync(folder) ? "partly" : "absent";
}

/**
 * Checks every file of a model against the locked manifest.
 * @returns what is wrong, by file; nothing when all is right.
 */
export async function verifyModel(directory: string, model: CatalogModel): Promise<FileProblem[]> {
  const locked = lockedManifest(directory, model);
  if (locked === undefined)
    return [{ path: "manifest.json", problem: "missing or damaged: nothing was pulled or imported here" }];
  const problems: FileProblem[] = [];
  for (const file of model.files) {
    const lock = locked.files.find(({ path }) => path === file.path);
    const path = join(modelFolder(directory, model.id), file.path);
    const size = sizeOf(path);
    if (lock === undefined) problems.push({ path: file.path, problem: "not in the lock" });
    else if (file.sha256 !== null && file.sha256 !== lock.sha256)
      problems.push({ path: file.path, problem: "locked with another sha256 than this program's" });
    else if (size === undefined) problems.push({ path: file.path, problem: "missing" });
    else if (size !== lock.size)
      problems.push({ path: file.path, problem: `${size} bytes instead of ${lock.size}` });
    else if ((await sha256Of(path)) !== lock.sha256)
      problems.push({ path: file.path, problem: "the sha256 is another one" });
  }
  return problems;
}

/**
 * Brings a model into the directory. Files that are there and right are kept; a part goes on where it stopped.
 * @throws Failure `model.refused`, `model.unreachable`, `model.corrupt`, `model.no-space`, `model.busy`.
 */
export async function pullModel(
  directory: string,
  model: CatalogModel,
  access: HubAccess,
  onProgress: Progress = () => undefined,
): Promise<void> {
  await withLock(directory, model, async () => {
    const locked = new Map(lockedManifest(directory, model)?.files.map((file) => [file.path, file]));
    const needsList = model.files.some((file) => !isSealed(file) && !locked.has(file.path));
    const listed = needsList ? await listHubFiles(access, model.repo, model.revision) : new Map();
    const wanted = model.files.map((file) => {
      const known = { ...listed.get(file.path), ...locked.get(file.path) };
      const sha256 = file.sha256 ?? known.sha256;
      const size = file.size ?? known.size;
      if (size === undefined || (sha256 === undefined && known.gitSha1 === undefined))
        throw new Failure<InferenceCode>("model.refused", {
          message: `${model.repo} has no file ${file.path} at ${model.revision}, or tells no hash of it`,
        });
      return {
        repo: model.repo,
        revision: model.revision,
        path: file.path,
        size,
        sha256,
        gitSha1: known.gitSha1,
      };
    });
    const folder = modelFolder(directory, model.id);
    const parts = partFolder(directory, model.id);
    checkSpace(directory, missingBytes(wanted, folder, parts), model.id);
    const hashes = new Map<string, string>();
    for (const file of wanted) {
      const target = join(folder, file.path);
      if (
        file.sha256 !== undefined &&
        sizeOf(target) === file.size &&
        (await sha256Of(target)) === file.sha256
      ) {
        hashes.set(file.path, file.sha256);
        continue;
      }
      const part = join(parts, file.path);
      mkdirSync(dirname(part), { recursive: true, mode: 0o700 });
      hashes.set(
        file.path,
        await downloadFile(access, file, part, (bytes) => onProgress(file.path, bytes, file.size)),
      );
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      renameSync(part, target);
    }
    writeLock(directory, model, (path) => {
      const size = wanted.find((file) => file.path === path)!.size;
      return { size, sha256: hashes.get(path)! };
    });
    rmSync(parts, { recursive: true, force: true });
  });
}

/**
 * Copies a model from a folder, for machines without a network. Known hashes must be right; the others are locked as they
 * are found here, since nobody can be asked.
 * @returns the files whose hash nothing vouched for.
 * @throws Failure `model.missing`, `model.corrupt`, `model.no-space`, `model.busy`.
 */
export async function importModel(directory: string, model: CatalogModel, source: string): Promise<string[]> {
  return await withLock(directory, model, async () => {
    const locked = new Map(lockedManifest(directory, model)?.files.map((file) => [file.path, file]));
    const found = new Map<string, { size: number; sha256: string }>();
    const unproven: string[] = [];
    for (const file of model.files) {
      const path = join(source, file.path);
      const size = sizeOf(path);
      if (size === undefined)
        throw new Failure<InferenceCode>("model.missing", { message: `${source} has no file ${file.path}` });
      const sha256 = await sha256Of(path);
      const wanted = file.sha256 ?? locked.get(file.path)?.sha256;
      if ((file.size !== null && file.size !== size) || (wanted !== undefined && wanted !== sha256))
        throw new Failure<InferenceCode>("model.corrupt", {
          message: `the file ${file.path} in ${source} is not the one of ${model.id}: ${size} bytes, sha256 ${sha256}`,
        });
      if (wanted === undefined) unproven.push(file.path);
      found.set(file.path, { size, sha256 });
    }
    checkSpace(
      directory,
      [...found.values()].reduce((sum, { size }) => sum + size, 0),
      model.id,
    );
    const parts = partFolder(directory, model.id);
    for (const [path, { sha256 }] of found) {
      const part = join(parts, path);
      mkdirSync(dirname(part), { recursive: true, mode: 0o700 });
      copyFileSync(join(source, path), part);
      if ((await sha256Of(part)) !== sha256)
        throw new Failure<InferenceCode>("model.corrupt", { message: `${path} changed while it was copied` });
      const target = join(modelFolder(directory, model.id), path);
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      renameSync(part, target);
    }
    writeLock(directory, model, (path) => found.get(path)!);
    rmSync(parts, { recursive: true, force: true });
    return unproven;
  });
}

/** Deletes a model and what was begun of it. */
export async function removeModel(directory: string, model: CatalogModel): Promise<void> {
  await withLock(directory, model, async () => {
    rmSync(modelFolder(directory, model.id), { recursive: true, force: true });
    rmSync(partFolder(directory, model.id), { recursive: true, force: true });
  });
}

function isSealed({ size, sha256 }: CatalogFile): boolean {
  return size !== null && sha256 !== null;
}

function partFolder(directory: string, id: string): string {
  return join(directory, ".partial", id);
}

function writeLock(
  directory: string,
  model: CatalogModel,
  known: (path: string) => { size: number; sha256: string },
): void {
  const files = model.files.map((file) => ({ ...file, ...known(file.path) }));
  const text = `${JSON.stringify({ ...model, files }, null, 2)}\n`;
  writeFileAtomic(join(modelFolder(directory, model.id), "manifest.json"), text);
}

function missingBytes(
  wanted: readonly { path: string; size: number }[],
  folder: string,
  parts: string,
): number {
  return wanted.reduce((sum, { path, size }) => {
    const have = sizeOf(join(folder, path)) === size ? size : (sizeOf(join(parts, path)) ?? 0);
    return sum + Math.max(0, size - have);
  }, 0);
}

function checkSpace(directory: string, neededBytes: number, id: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = statfsSync(directory);
  if (neededBytes === 0 || bavail * bsize >= neededBytes + DISK_RESERVE_BYTES) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new Failure<InferenceCode>("model.no-space", {
    message: `${id} needs ${megabytes(neededBytes)} more, and ${megabytes(bavail * bsize)} are free in ${directory}`,
    hint: "free some space, or choose another folder with --models.dir",
  });
}

/** One process at a time changes a model. */
async function withLock<T>(directory: string, model: CatalogModel, work: () => Promise<T>): Promise<T> {
  let unlock: () => void;
  try {
    unlock = lockFile(join(directory, ".locks", model.id));
  } catch (error) {
    if (!isFailure<LockCode>(error, "state.locked")) throw error;
    throw new Failure<InferenceCode>("model.busy", {
      message: `another openvalidator is pulling, importing or removing ${model.id}`,
      hint: "wait for it; what it pulled is then used here as well",
      cause: error,
    });
  }
  try {
    return await work();
  } finally {
    unlock();
  }
}

function sizeOf(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : undefined;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
