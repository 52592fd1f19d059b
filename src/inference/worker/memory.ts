import { readFileSync } from "node:fs";
import { freemem } from "node:os";

/** Memory that this machine can give without swapping, in bytes; what a container's limit leaves, where there is one. */
export function availableMemoryBytes(): number {
  const free = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readText("/proc/meminfo") ?? "")?.[1]) * 1024;
  const machine = Number.isFinite(free) ? free : freemem();
  const limit = Number(readText("/sys/fs/cgroup/memory.max"));
  // Cached files count as used, but give way to whoever needs the memory.
  const cached = Number(/^inactive_file (\d+)$/m.exec(readText("/sys/fs/cgroup/memory.stat") ?? "")?.[1]);
  const used = Number(readText("/sys/fs/cgroup/memory.current")) - cached;
  return limit > 0 && used >= 0 ? Math.min(machine, Math.max(0, limit - used)) : machine;
}

/** undefined where the system has no such file. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
