import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeWorkFolder } from "../../base/atomic.ts";
import { Failure } from "../../base/error.ts";
import { lockFolder } from "../../base/lock.ts";

export type FolderCode = "query.busy";

const WORK = ".work-";

/**
 * Gives an export a folder for what is not whole yet, in the folder that it writes to and alone in it: two at once would
 * both add what is new. What a killed one left goes first.
 * @throws Failure `query.busy`, the error of the file system
 */
export async function aloneIn<T>(folder: string, work: (path: string) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const unlock = lockFolder(folder);
  if (unlock === undefined)
    throw new Failure<FolderCode>("query.busy", {
      message: `another export writes to ${folder} now`,
      hint: "wait until it is done, or name another folder with --out",
    });
  try {
    for (const name of readdirSync(folder))
      if (name.startsWith(WORK)) rmSync(join(folder, name), { recursive: true, force: true });
    const path = makeWorkFolder(join(folder, WORK), folder);
    try {
      return await work(path);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  } finally {
    unlock();
  }
}
