import { askNvidia } from "../../base/nvidia.ts";

/** Output of nvidia-smi is some bytes a card; what is longer is something else. */
const MAX_CHARACTERS = 64 * 1024;
const MIB = 2 ** 20;

/**
 * Free memory of each NVIDIA card in bytes, by the 32 hex digits of its UUID: Vulkan tells only how much there is in all.
 * Empty where nobody tells.
 */
export async function freeMemory(signal: AbortSignal): Promise<Map<string, number>> {
  return parseFreeMemory((await askNvidia(["uuid", "memory.free"], signal)) ?? "");
}

/** Lines such as `GPU-2b1f…, 80559`, in MiB. */
export function parseFreeMemory(text: string): Map<string, number> {
  const free = new Map<string, number>();
  for (const line of text.slice(0, MAX_CHARACTERS).split("\n")) {
    const [, uuid, mebibytes] = /^\s*GPU-([0-9a-f-]{36})\s*,\s*(\d+)\s*$/i.exec(line) ?? [];
    if (uuid !== undefined) free.set(uuid.replaceAll("-", "").toLowerCase(), Number(mebibytes) * MIB);
  }
  return free;
}
