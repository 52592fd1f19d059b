import { statfsSync } from "node:fs";

/** Bytes that this user may still write into a folder. @throws what the system says of a folder that is not there */
export function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
