import { mkdirSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Does some work that writes into a folder, which is made if it is not there. Where the work fails, what was made of the
 * folder and those above it goes again as far as it is empty.
 * @throws what the work throws, and the error of the file system
 */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const first = mkdirSync(folder, { recursive: true });
  try {
    return await work();
  } catch (error) {
    if (first !== undefined) removeEmpty(resolve(folder), resolve(first));
    throw error;
  }
}

function removeEmpty(folder: string, first: string): void {
  for (let path = folder; path.length >= first.length; path = dirname(path))
    try {
      rmdirSync(path);
    } catch {
      return; // something is in it, or it is gone: no reason to hide why the work failed
    }
}
