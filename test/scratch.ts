import { afterAll } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { searchFolder } from "./canaries.ts";

/**
 * For the top of a test file: gives a maker of empty folders, which are searched for secrets
 * and removed when the tests of the file have run.
 */
export function scratchFolders(name: string): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made) {
      if (existsSync(folder)) searchFolder(folder);
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), `ov-${name}-`));
    made.push(folder);
    return folder;
  };
}
