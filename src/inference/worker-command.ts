import { join } from "node:path";

/** Where Bun puts the files of a compiled executable. */
const INSIDE_EXECUTABLE = /^(?:\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/i;

/** Command that starts this same program as an inference worker: from source, or as the compiled executable. */
export function workerCommand(): string[] {
  return INSIDE_EXECUTABLE.test(import.meta.dir)
    ? [process.execPath, "inference-worker"]
    : [process.execPath, join(import.meta.dir, "../main.ts"), "inference-worker"];
}
