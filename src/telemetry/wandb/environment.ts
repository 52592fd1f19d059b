import * as os from "node:os";
import { basename } from "node:path";
import { diskOf } from "../../base/disk.ts";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { askNvidia } from "../../base/nvidia.ts";
import type { SpoolMeta } from "../../wandb/spool-meta.ts";
import { NVIDIA_TIMEOUT_MS, textOf } from "./system-metrics.ts";

const MIB = 1 << 20;

/** What W&B lists beside a run, under the names of its own clients; sizes in bytes are texts there. */
export type Environment = NonNullable<SpoolMeta["environment"]>;

/**
 * The machine and the program. A run is public: arguments, host, user and folders are left out, which may hold the names
 * of wallets and people. What cannot be read is left out too.
 * @param directory on the disk that matters
 */
export async function readEnvironment(directory: string): Promise<Environment> {
  const cpus = os.cpus().length;
  const gpus = readGpus(
    (await askNvidia(["name", "memory.total"], AbortSignal.timeout(NVIDIA_TIMEOUT_MS))) ?? "",
  );
  const disk = diskTexts(directory);
  return {
    os: `${os.type()}-${os.release()}-${os.arch()}`,
    executable: basename(process.execPath),
    cpu_count: coresIn(textOf("/proc/cpuinfo")) || cpus,
    cpu_count_logical: cpus,
    memory: { total: String(os.totalmem()) },
    ...(disk && { disk: { "/": disk } }),
    ...(gpus.length > 0 && { gpu: gpus[0]!.name, gpu_count: gpus.length, gpu_nvidia: gpus }),
  };
}

/** Physical cores in what Linux says of its processors; 0 where it does not say. */
export function coresIn(text: string): number {
  const ids = text.split("\n\n").flatMap((processor) => {
    const core = /^core id\s*:\s*(\d+)/m.exec(processor)?.[1];
    return core === undefined ? [] : [`${/^physical id\s*:\s*(\d+)/m.exec(processor)?.[1]}/${core}`];
  });
  return new Set(ids).size;
}

/** GPUs in the lines that nvidia-smi prints, "name, MiB". */
export function readGpus(text: string): { name: string; memoryTotal: string }[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const comma = line.lastIndexOf(",");
      const memory = Number.parseFloat(line.slice(comma + 1)) * MIB;
      return { name: line.slice(0, comma).trim(), memoryTotal: String(Number.isFinite(memory) ? memory : 0) };
    });
}

function diskTexts(directory: string): { total: string; used: string } | undefined {
  try {
    const { totalBytes, usedBytes } = diskOf(directory);
    return { total: String(totalBytes), used: String(usedBytes) };
  } catch (error) {
    log.debug("The size of the disk cannot be read", { reason: messageOf(error) });
    return undefined;
  }
}
