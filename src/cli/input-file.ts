import { statSync } from "node:fs";
import { Failure } from "../base/error.ts";
import { expandPath } from "../config/paths.ts";

export type InputFileCode = "input.missing" | "input.is-folder";

/**
 * The path of a file that a word or a flag names.
 * @param what is to be in it, with its article
 * @throws Failure `input.missing`, `input.is-folder`
 */
export function existingFile(given: string, what: string): string {
  const path = expandPath(given);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw new Failure<InputFileCode>("input.missing", {
      message: `there is no file ${path}`,
      hint: `check its name; ${what} is read from it`,
    });
  if (found.isDirectory())
    throw new Failure<InputFileCode>("input.is-folder", {
      message: `${path} is a folder, and ${what} is read from a file`,
      hint: "name a file in it",
    });
  return path;
}
