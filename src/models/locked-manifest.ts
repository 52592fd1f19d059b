import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic.ts";
import { Failure, isFailure } from "../base/error.ts";
import { type LockCode, lockFile } from "../base/lock.ts";
import type { CatalogFile, CatalogModel } from "./catalog.ts";
import { isDiskFull, noSpace } from "./disk-space.ts";
import type { ModelCode } from "./failure.ts";
import {
  type Dtype,
  type ModelFile,
  type ModelManifest,
  manifestContent,
  manifestSchema,
} from "./manifest.ts";

export type ModelState = "here" | "partly" | "absent";

/** The folder of one model, which holds its files and manifest.json, the lock of their sizes and hashes. */
export function modelFolder(directory: string, id: string): string {
  return join(directory, id);
}

/** Where the files of a model grow until they are whole. */
export function partFolder(directory: string, id: string): string {
  return join(directory, ".partial", id);
}

/** Where the original files of a model lie until its graphs are made. */
export function sourceFolder(directory: string, id: string): string {
  return join(directory, ".source", id);
}

/** The forms that a model's weights come in. */
export function dtypesOf({ files }: { files: readonly { dtype?: Dtype | undefined }[] }): Dtype[] {
  return [...new Set(files.flatMap(({ dtype }) => dtype ?? []))];
}

/**
 * The weights of the given dtypes, all of them unless given, and every file that is no weights.
 * @throws Failure `model.missing` for a dtype that the model does not come in.
 */
export function wantedFiles(model: CatalogModel, dtypes?: readonly Dtype[]): CatalogFile[] {
  const offered = dtypesOf(model);
  const missing = dtypes?.filter((dtype) => !offered.includes(dtype)) ?? [];
  if (missing.length > 0)
    throw new Failure<ModelCode>("model.missing", {
      message: `${model.id} has no ${missing.join(" and no ")}`,
      hint: `it comes as ${offered.join(", ")}`,
    });
  return model.files.filter(({ dtype }) => dtype === undefined || (dtypes ?? offered).includes(dtype));
}

const lockSchema = manifestSchema.extend({ revision: z.string() });

/**
 * The manifest written by pull or import, with the size and hash of every file that was; undefined before the first, or
 * for another revision.
 */
export function lockedManifest(directory: string, model: CatalogModel): ModelManifest | undefined {
  try {
    const content = manifestContent(join(modelFolder(directory, model.id), "manifest.json"));
    const parsed = lockSchema.safeParse(content);
    return parsed.success && parsed.data.revision === model.revision ? parsed.data : undefined;
  } catch {
    // Damaged: as if it were not there. The next pull writes it anew, from the hub's hashes.
    return undefined;
  }
}

/** What of a manifest says how its files are used, and is not told by their hashes. */
const USES = ["architecture", "embedding", "classification", "language", "maxTokens"] as const;
type Uses = Pick<ModelManifest, (typeof USES)[number]>;
type UsesAndForms = Uses & Pick<ModelManifest, "dtype">;

export function usesOf({ architecture, embedding, classification, language, maxTokens }: Uses): Uses {
  return { architecture, embedding, classification, language, maxTokens };
}

/** Fields in which a manifest in a folder says another use of its files than is known; preferences may go on where known ones end. */
export function strangeUses(locked: UsesAndForms, known: UsesAndForms): string[] {
  const goesOn = (["webgpu", "cpu"] as const).every((device) =>
    known.dtype[device].every((dtype, at) => locked.dtype[device][at] === dtype),
  );
  const strange: string[] = USES.filter((field) => !Bun.deepEquals(locked[field], known[field]));
  return goesOn ? strange : [...strange, "dtype"];
}

/** Locked files by path, without those whose hash this program knows to be another one. */
export function lockedFiles(directory: string, model: CatalogModel): Map<string, ModelFile> {
  const sealed = new Map(model.files.map(({ path, sha256 }) => [path, sha256]));
  const files = lockedManifest(directory, model)?.files ?? [];
  return new Map(
    files
      .filter(({ path, sha256 }) => sealed.has(path) && (sealed.get(path) ?? sha256) === sha256)
      .map((file) => [file.path, file]),
  );
}

/** The forms of a model that were got. */
export function dtypesHere(directory: string, model: CatalogModel): Dtype[] {
  return dtypesOf({ files: [...lockedFiles(directory, model).values()] });
}

/** Locks the given files beside those locked before: what another pull brought is never dropped. */
export function addToLock(
  directory: string,
  model: CatalogModel,
  added: ReadonlyMap<string, { size: number; sha256: string }>,
): void {
  const before = lockedFiles(directory, model);
  const files = model.files.flatMap((file) => {
    const known = added.get(file.path) ?? before.get(file.path);
    return known === undefined ? [] : [{ ...file, size: known.size, sha256: known.sha256 }];
  });
  const text = `${JSON.stringify({ ...model, files }, null, 2)}\n`;
  writeFileAtomic(join(modelFolder(directory, model.id), "manifest.json"), text);
}

/**
 * "here" when every locked file lies there in its size, with weights among them: those of `dtypes`, of any unless given.
 * Hashes are verifyModel's part.
 */
export function modelState(directory: string, model: CatalogModel, dtypes?: readonly Dtype[]): ModelState {
  const folder = modelFolder(directory, model.id);
  const locked = lockedFiles(directory, model);
  const isWhole =
    [...locked.values()].every(({ path, size }) => sizeOf(join(folder, path)) === size) &&
    dtypesOf({ files: [...locked.values()] }).length > 0 &&
    wantedFiles(model, dtypes ?? []).every(({ path }) => locked.has(path));
  if (isWhole) return "here";
  return existsSync(folder) || existsSync(partFolder(directory, model.id)) ? "partly" : "absent";
}

/**
 * One process at a time changes a model.
 * @throws Failure `model.busy`, `state.unwritable`, and `model.no-space` for a disk that fills up meanwhile.
 */
export async function withModelLock<T>(
  directory: string,
  model: CatalogModel,
  work: () => Promise<T>,
): Promise<T> {
  const unlock = takeLock(directory, model);
  try {
    return await work();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw noSpace(`the disk of ${directory} is full, and ${model.id} is not all there`, error);
  } finally {
    unlock();
  }
}

function takeLock(directory: string, model: CatalogModel): () => void {
  try {
    return lockFile(join(directory, ".locks", model.id));
  } catch (error) {
    if (isFailure<LockCode>(error, "state.unwritable"))
      throw new Failure<LockCode>("state.unwritable", {
        message: `the folder of the models, ${directory}, cannot be written`,
        hint: "choose another folder with --models.dir, or give this user the right to write there",
        cause: error,
      });
    if (!isFailure<LockCode>(error, "state.locked")) throw error;
    throw new Failure<ModelCode>("model.busy", {
      message: `another openvalidator is pulling, importing or removing ${model.id}`,
      hint: "wait for it; what it pulled is then used here as well",
      cause: error,
    });
  }
}

/** Bytes of a file; undefined where there is none. */
export function sizeOf(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : undefined;
}
