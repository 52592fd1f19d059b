import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file so that a reader, or a process that starts after a power cut, sees the old content or the new one,
 * never a part: temporary file, fsync, rename, fsync of the directory.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o600): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = temporaryName(path);
  try {
    const fd = openSync(temporary, "wx", mode);
    try {
      writeWhole(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw namedAs(error, temporary, path);
  }
  syncDirectory(directory);
}

/**
 * As `writeFileAtomic`, without holding up the event loop, for large files.
 * @param parts written one after another; must not change until the promise settles. An error of theirs leaves the old file
 */
export async function replaceFile(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode = 0o600,
): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      for await (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw namedAs(error, temporary, path);
  }
  syncDirectory(directory);
}

/**
 * A folder for the parts of something, on the disk that it goes to.
 * @param prefix of its path; characters come behind it
 * @param wanted what is made in it: errors tell of that
 */
export function makeWorkFolder(prefix: string, wanted: string): string {
  try {
    return mkdtempSync(prefix);
  } catch (error) {
    throw namedAs(error, prefix, wanted);
  }
}

/** An error of a temporary file or folder tells of what was wanted: nobody knows the other name. */
export function namedAs(error: unknown, temporary: string, wanted: string): unknown {
  const { path } = error as NodeJS.ErrnoException;
  if (path?.startsWith(temporary) !== true) return error;
  return Object.assign(error as NodeJS.ErrnoException, { path: wanted, dest: undefined });
}

function temporaryName(path: string): string {
  return `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
}

/**
 * Writes all of it: a disk that is about to be full takes a part without an error, and only the next try tells.
 * @throws the error of the file system
 */
export function writeWhole(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/**
 * Puts a file that is whole in its place on the same disk, where a process that starts after a power cut finds all of it or
 * what was there before.
 * @throws the error of the file system
 */
export function putInPlace(path: string, place: string): void {
  sync(path);
  renameSync(path, place);
  sync(dirname(place));
}

/** Makes a rename or a new name in `directory` durable. */
export function syncDirectory(directory: string): void {
  sync(directory);
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
