import { statfsSync } from "node:fs";

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
