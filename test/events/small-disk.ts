import { afterAll } from "bun:test";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why a test of a full disk is left out; undefined where a file system in memory can be mounted. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "only root on Linux mounts a small disk";
  const folder = mkdtempSync(join(tmpdir(), "ov-disk-"));
  const mounted = mount(folder, 64 << 10);
  if (mounted) Bun.spawnSync(["umount", folder]);
  rmdirSync(folder);
  return mounted ? undefined : "this container may not mount a file system";
}

/**
 * For the top of a test file: gives a maker of empty file systems of a size, which go when the tests of the file have run.
 * A hook of this module itself would be one of the first file alone that loads it.
 */
export function smallDisks(): (sizeBytes: number) => string {
  const mounted: string[] = [];
  afterAll(() => {
    for (const folder of mounted.splice(0)) {
      Bun.spawnSync(["umount", "-l", folder]);
      rmdirSync(folder);
    }
  });
  return (sizeBytes) => {
    const folder = mkdtempSync(join(tmpdir(), "ov-disk-"));
    if (!mount(folder, sizeBytes)) throw new Error("the small disk could not be mounted");
    mounted.push(folder);
    return folder;
  };
}

function mount(folder: string, sizeBytes: number): boolean {
  return Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder]).success;
}
