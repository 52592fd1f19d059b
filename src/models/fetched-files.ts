import { constants, copyFileSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import type { CatalogModel } from "./catalog.ts";
import type { ModelCode } from "./failure.ts";
import { downloadFile, type HubAccess, type HubFile, refused, type Wanted } from "./hub-files.ts";
import { sizeOf } from "./locked-manifest.ts";
import type { ModelFile } from "./manifest.ts";

/** Told of each file as it grows; first of what an earlier pull left of it. @param unit of what is no bytes */
export type Progress = (path: string, done: number, total: number, unit?: string) => void;

/** What was known of a file before the hub was asked. */
export interface KnownFile {
  path: string;
  size: number | null | undefined;
  sha256: string | null | undefined;
}

/**
 * Puts what the hub says of a file to what was known of it.
 * @throws Failure `model.refused` where the two differ, or where neither tells a size and a hash
 */
export function wantedFile(
  { repo, revision }: { repo: string; revision: string },
  { path, ...known }: KnownFile,
  atHub: HubFile | undefined,
): Wanted {
  const sha256 = known.sha256 ?? atHub?.sha256;
  const size = known.size ?? atHub?.size;
  if (!size || (sha256 === undefined && atHub?.gitSha1 === undefined))
    throw refused(`${repo} has no file ${path} at ${revision}, or tells no size and hash of it`);
  if (atHub?.sha256 !== undefined && atHub.sha256 !== sha256)
    throw refused(
      `the file ${path} of ${repo} is another one at the server: its sha256 is ${atHub.sha256} instead of ${sha256}`,
      "check --models.mirror: it holds another file than the one this program knows",
    );
  return { repo, revision, path, size, sha256, gitSha1: atHub?.gitSha1 };
}

/**
 * Brings files into a folder. Those that are there and right are kept; a part goes on where it stopped.
 * @param parts where a file grows until it is whole
 * @returns size and sha256 by path.
 * @throws as `downloadFile`
 */
export async function fetchFiles(
  access: HubAccess,
  wanted: readonly Wanted[],
  folder: string,
  parts: string,
  onProgress: Progress | undefined,
): Promise<Map<string, { size: number; sha256: string }>> {
  const fetched = new Map<string, { size: number; sha256: string }>();
  for (const file of wanted) {
    const { path, size } = file;
    const target = join(folder, path);
    const isHere =
      file.sha256 !== undefined && sizeOf(target) === size && (await sha256OfFile(target)) === file.sha256;
    if (isHere) {
      fetched.set(path, { size, sha256: file.sha256! });
      continue;
    }
    const part = join(parts, path);
    mkdirSync(dirname(part), { recursive: true, mode: 0o700 });
    const sha256 = await downloadFile(access, file, part, (bytes) => onProgress?.(path, bytes, size));
    moveInto(target, part);
    fetched.set(path, { size, sha256 });
  }
  return fetched;
}

/** A file in a folder of this machine that is not the one that is known. */
export function anotherFile(
  { id, repo, revision }: Pick<CatalogModel, "id" | "repo" | "revision">,
  folder: string,
  { path, size, sha256 }: ModelFile,
): Failure<ModelCode> {
  return new Failure<ModelCode>("model.corrupt", {
    message: `the file ${path} in ${folder} is not the one of ${id}: ${size} bytes, sha256 ${sha256}`,
    hint: `copy it again, from ${repo} at ${revision}`,
  });
}

/** A copy that shares its bytes with the original where the file system can. @param part where it grows */
export function copyTo(part: string, from: string): void {
  mkdirSync(dirname(part), { recursive: true, mode: 0o700 });
  copyFileSync(from, part, constants.COPYFILE_FICLONE);
}

export function moveInto(target: string, part: string): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  renameSync(part, target);
}

/** Bytes of files that are neither in their folder nor begun. */
export function missingBytes(
  wanted: readonly { path: string; size: number }[],
  folder: string,
  parts: string,
): number {
  return wanted.reduce((sum, { path, size }) => {
    const have = sizeOf(join(folder, path)) === size ? size : (sizeOf(join(parts, path)) ?? 0);
    return sum + Math.max(0, size - have);
  }, 0);
}
