import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { SourceKind, SourceReport } from "../analysis/sources/source.ts";
import { Failure } from "../base/error.ts";
import { expandPath } from "../config/paths.ts";

export type OutputFileCode =
  | "output.no-folder"
  | "output.is-folder"
  /** It would take the place of what is read. */
  | "output.is-source";

/** Where a command writes. */
export interface Outputs {
  files?: readonly (string | undefined)[];
  folders?: readonly (string | undefined)[];
}

/** Exports of ours, which a folder may be added to out of itself; files of all other kinds are somebody's only copy. */
const EXPORTED: ReadonlySet<SourceKind> = new Set([
  "Parquet",
  "exported CSV",
  "exported JSON lines",
  "derived table",
  "unknown",
]);

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

/**
 * No question changes what it asks of: neither by writing in the place of a source, under whatever name, nor by files among
 * those of a journal.
 * @throws Failure `output.is-source`
 */
export function refuseSources({ files = [], folders = [] }: Outputs, sources: readonly SourceReport[]): void {
  for (const file of files) {
    const written = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (written === undefined) continue;
    const source = sources.find(({ path }) => {
      const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? {};
      return dev === written.dev && ino === written.ino;
    });
    if (source !== undefined) throw isSource(file!, source);
  }
  for (const folder of folders) {
    if (folder === undefined || statSync(folder, { throwIfNoEntry: false }) === undefined) continue;
    const within = realpathSync(folder);
    const source = sources.find(
      // A journal's segment may have gone since it was read; its folder has not.
      ({ path, kind }) => !EXPORTED.has(kind) && realpathSync(dirname(path)) === within,
    );
    if (source !== undefined) throw isSource(folder, source);
  }
}

function isSource(output: string, { path, kind }: SourceReport): Failure<OutputFileCode> {
  return new Failure<OutputFileCode>("output.is-source", {
    message:
      output === path
        ? `${output} is what is read (${kind}), and would be overwritten`
        : `${output} is where ${path} lies, which is read (${kind})`,
    hint: "write to another place",
  });
}
