import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const NAME = /^(?:sources|warehouse)-(\d+)-\w+$/;
/** Another container on the same disk has process ids of its own; no reading takes as long as this. */
const LEFT_MS = 24 * 3_600_000;

/**
 * A new folder for what one reading keeps on disk. Those that killed processes left, which would hold files of a journal
 * that the validator has dropped, go first.
 * @throws the error of the file system
 */
export function workFolder(parent: string, name: "sources" | "warehouse"): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const left of readdirSync(parent)) {
    const [, pid] = NAME.exec(left) ?? [];
    const path = join(parent, left);
    const madeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (pid !== undefined && Date.now() - madeMs > LEFT_MS && !runs(Number(pid)))
      rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${name}-${process.pid}-`));
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: somebody else's
  }
}
