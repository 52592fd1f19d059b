import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import { diskOf } from "../../base/disk.ts";
import { askNvidia } from "../../base/nvidia.ts";
import type { Row } from "../../wandb/row.ts";

/** A driver that hangs is given up after this. */
export const NVIDIA_TIMEOUT_MS = 5_000;

/** What is asked of nvidia-smi, and what W&B calls it after `gpu.N.`. */
const NVIDIA_FIELDS = [
  ["utilization.gpu", "gpu"],
  ["utilization.memory", "memory"],
  ["memory.used", "memoryAllocatedBytes"],
  ["memory.total", ""],
  ["temperature.gpu", "temp"],
  ["power.draw", "powerWatts"],
  ["enforced.power.limit", "enforcedPowerLimitWatts"],
  ["clocks.sm", "smClock"],
  ["clocks.mem", "memoryClock"],
  ["clocks.gr", "graphicsClock"],
  ["fan.speed", "fanSpeed"],
] as const;
const MIB = 1 << 20;

/** Load of this machine and process, under the names of W&B's Python client. What cannot be read is left out. */
export class SystemMetrics {
  readonly #directory: string;
  readonly #network: NetworkBytes | undefined;
  #cpu: { atMs: number; microseconds: number };
  #hasNvidia = true;

  /** @param directory on the disk that matters */
  constructor(directory: string) {
    this.#directory = directory;
    this.#network = networkBytes();
    this.#cpu = cpuNow();
  }

  async sample(): Promise<Row> {
    const named = { ...this.#process(), ...this.#networkSinceStart(), ...this.#disk(), ...amdGpus() };
    const all = { ...named, ...(await this.#nvidiaGpus()) };
    return Object.fromEntries(
      Object.entries(all)
        .filter(([, value]) => Number.isFinite(value))
        .map(([name, value]) => [`system.${name}`, value]),
    );
  }

  #process(): Record<string, number> {
    const now = cpuNow();
    const share = (now.microseconds - this.#cpu.microseconds) / 1000 / Math.max(1, now.atMs - this.#cpu.atMs);
    this.#cpu = now;
    const rss = process.memoryUsage.rss();
    const total = os.totalmem();
    const available = availableMemory();
    return {
      cpu: (share * 100) / Math.max(1, os.cpus().length),
      "proc.cpu.threads": threads(),
      "proc.memory.rssMB": rss / MIB,
      "proc.memory.percent": (rss / total) * 100,
      "proc.memory.availableMB": available / MIB,
      memory_percent: (1 - available / total) * 100,
    };
  }

  #networkSinceStart(): Record<string, number> {
    const now = networkBytes();
    if (this.#network === undefined || now === undefined) return {};
    return {
      "network.sent": now.sent - this.#network.sent,
      "network.recv": now.received - this.#network.received,
    };
  }

  /** Under the mount `/`, which is what dashboards show. */
  #disk(): Record<string, number> {
    try {
      const { totalBytes, usedBytes } = diskOf(this.#directory);
      return { "disk./.usagePercent": (usedBytes / totalBytes) * 100, "disk./.usageGB": usedBytes / 2 ** 30 };
    } catch {
      return {}; // the folder is gone, which the journal tells of
    }
  }

  async #nvidiaGpus(): Promise<Record<string, number>> {
    if (!this.#hasNvidia) return {};
    const text = await askNvidia(
      NVIDIA_FIELDS.map(([field]) => field),
      AbortSignal.timeout(NVIDIA_TIMEOUT_MS),
    );
    // A machine without such a program is not asked again, nor one whose driver hangs.
    this.#hasNvidia = text !== undefined;
    return readNvidia(text ?? "");
  }
}

/** Figures of the lines that nvidia-smi prints, one per GPU; `[N/A]` gives none. */
export function readNvidia(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [index, line] of text.trim().split("\n").entries()) {
    const values = line.split(",").map((value) => Number.parseFloat(value));
    for (const [at, [field, name]] of NVIDIA_FIELDS.entries()) {
      const value = values[at] ?? Number.NaN;
      if (name !== "") found[`gpu.${index}.${name}`] = field === "memory.used" ? value * MIB : value;
    }
    const of = (field: string): number =>
      values[NVIDIA_FIELDS.findIndex(([one]) => one === field)] ?? Number.NaN;
    found[`gpu.${index}.memoryAllocated`] = (of("memory.used") / of("memory.total")) * 100;
    found[`gpu.${index}.powerPercent`] = (of("power.draw") / of("enforced.power.limit")) * 100;
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => Number.isFinite(value)));
}

/** Figures of AMD GPUs, which the kernel shows as files. */
export function amdGpus(root = "/sys/class/drm"): Record<string, number> {
  const found: Record<string, number> = {};
  const cards = existsSync(root) ? readdirSync(root).filter((name) => /^card\d+$/.test(name)) : [];
  const devices = cards
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .map((name) => join(root, name, "device"))
    .filter((device) => existsSync(join(device, "gpu_busy_percent")));
  for (const [index, device] of devices.entries()) {
    const hwmon = join(device, "hwmon");
    const sensors = existsSync(hwmon) ? join(hwmon, readdirSync(hwmon)[0] ?? "") : hwmon;
    const used = numberIn(join(device, "mem_info_vram_used"));
    found[`gpu.${index}.gpu`] = numberIn(join(device, "gpu_busy_percent"));
    found[`gpu.${index}.memoryAllocated`] = (used / numberIn(join(device, "mem_info_vram_total"))) * 100;
    found[`gpu.${index}.memoryReadWriteActivity`] = numberIn(join(device, "mem_busy_percent"));
    found[`gpu.${index}.temp`] = numberIn(join(sensors, "temp1_input")) / 1000;
    const watts = numberIn(join(sensors, "power1_average")) / 1e6;
    found[`gpu.${index}.powerWatts`] = watts;
    found[`gpu.${index}.powerPercent`] = (watts / (numberIn(join(sensors, "power1_cap")) / 1e6)) * 100;
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => Number.isFinite(value)));
}

function numberIn(path: string): number {
  try {
    return Number.parseFloat(readFileSync(path, "utf8"));
  } catch {
    return Number.NaN; // this card has no such sensor
  }
}

function cpuNow(): { atMs: number; microseconds: number } {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), microseconds: user + system };
}

function threads(): number {
  return Number(/^Threads:\s+(\d+)/m.exec(textOf("/proc/self/status"))?.[1] ?? Number.NaN);
}

function availableMemory(): number {
  const kilobytes = Number(/^MemAvailable:\s+(\d+)/m.exec(textOf("/proc/meminfo"))?.[1] ?? Number.NaN);
  return Number.isFinite(kilobytes) ? kilobytes * 1024 : os.freemem();
}

interface NetworkBytes {
  received: number;
  sent: number;
}

/** Of all interfaces but the loopback one, since the machine started. */
function networkBytes(): NetworkBytes | undefined {
  const lines = textOf("/proc/net/dev").split("\n").slice(2);
  if (lines.length === 0) return undefined;
  const sum: NetworkBytes = { received: 0, sent: 0 };
  for (const line of lines) {
    const [name, rest] = line.split(":") as [string, string?];
    const fields = rest?.trim().split(/\s+/).map(Number);
    if (fields === undefined || name.trim() === "lo") continue;
    sum.received += fields[0] ?? 0;
    sum.sent += fields[8] ?? 0;
  }
  return sum;
}

/** Empty where there is no such file: not every system has /proc. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
