import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bytes that whatever can be spared leaves free on a disk, so that the state can still be written. */
export const KEPT_FREE_BYTES = 200_000_000;

/** Bytes of the disk that a folder lies on: all, and those in use. @throws what the system says of a folder that is not there */
export function diskOf(directory: string): { totalBytes: number; usedBytes: number } {
  const { blocks, bfree, bsize } = statfsSync(directory);
  return { totalBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize };
}

/** Bytes that this user may still write into a folder. @throws what the system says of a folder that is not there */
export function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Bytes of the files below a folder; 0 where there is none. One that goes away meanwhile counts nothing. */
export function bytesBelow(directory: string): number {
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isFile() ? bytesOf(join(entry.parentPath, entry.name)) : 0),
    0,
  );
}

/** Bytes of a file; 0 where there is none. */
export function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : 0;
}

/** Whether it is a folder and this user may make something in it, as far as its rights say. */
export function mayMakeIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false; // the caller says so
  }
}

/** The folder itself, or the one above it in which it will be made. */
export function nearestFolder(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
