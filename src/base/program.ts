import { join } from "node:path";

/** Where Bun puts the files of a compiled executable. */
const INSIDE_EXECUTABLE = /^(?:\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/i;

/** Command that starts this same program once more: from source, or as the compiled executable. */
export function ownCommand(...words: string[]): string[] {
  return INSIDE_EXECUTABLE.test(import.meta.dir)
    ? [process.execPath, ...words]
    : [process.execPath, join(import.meta.dir, "../main.ts"), ...words];
}
