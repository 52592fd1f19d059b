import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../base/error.ts";
import { expandPath } from "../config/paths.ts";

export type OutputFileCode = "output.no-folder" | "output.is-folder";

/**
 * Where a file goes that a command is to write, before any work is done for it. Its folder must be there: one that is made
 * unasked hides a slip of the pen.
 * @throws Failure `output.no-folder`, `output.is-folder`, and what the system says
 */
export function outputFile(given: string): string {
  const path = expandPath(given);
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Failure<OutputFileCode>("output.no-folder", {
      message: `there is no folder ${folder} for ${path}`,
      hint: "make it, or choose another path",
    });
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new Failure<OutputFileCode>("output.is-folder", {
      message: `${path} is a folder, and a file is to be written there`,
      hint: "name a file in it",
    });
  return path;
}
