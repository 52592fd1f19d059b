import { linkSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { namedAs, writeFileAtomic } from "../base/atomic.ts";

/**
 * Makes a file that was not there, whole or not at all.
 * @returns false when something is there already, which stays as it is
 */
export function createFile(path: string, content: string, mode: number, directoryMode = 0o700): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: directoryMode });
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileAtomic(temporary, content, mode);
    // link(2) never replaces, as rename(2) would; a link that leads nowhere counts as being there.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw namedAs(error, temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
