import { dlopen, FFIType } from "bun:ffi";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../base/error.ts";
import { type Adapter, listAdapters } from "../adapters.ts";
import type { InferenceCode } from "../failure.ts";

const NVIDIA_VENDOR_ID = 0x10de;
/** Where the Vulkan loader looks for drivers (LoaderDriverInterface.md), below the home folder and the system's. */
const DRIVER_FOLDERS = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/**
 * The adapter that `webgpu:N` or `webgpu:NAME` means: a number of the list, or a part of one name in any case.
 * @throws Failure `gpu.none` where it is none of them, or several.
 */
export function pickAdapter(adapters: readonly Adapter[], wanted: string): Adapter {
  const names = adapters.map(({ name }, index) => `${index} = ${name}`).join(", ");
  const fail = (message: string): Failure<InferenceCode> =>
    new Failure("gpu.none", {
      message,
      hint: names === "" ? "this machine has no Vulkan adapter" : `choose one of ${names}`,
    });
  if (/^\d+$/.test(wanted)) {
    const adapter = adapters[Number(wanted)];
    if (adapter === undefined) throw fail(`there is no adapter number ${wanted}`);
    return adapter;
  }
  const found = adapters.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  if (found.length !== 1)
    throw fail(`${found.length === 0 ? "no adapter is" : "several adapters are"} called "${wanted}"`);
  return found[0]!;
}

/**
 * Leaves out the NVIDIA cards that CUDA_VISIBLE_DEVICES hides. Vulkan does not read that variable. An entry that is a
 * UUID is exact; a number counts the NVIDIA cards as Vulkan lists them, which is not always CUDA's order. As in CUDA, the
 * list ends at the first entry that is no card.
 */
export function visibleAdapters(adapters: readonly Adapter[], cudaVisible: string | undefined): Adapter[] {
  if (cudaVisible === undefined) return [...adapters];
  const cards = adapters.filter(({ vendorId }) => vendorId === NVIDIA_VENDOR_ID);
  const shown = new Set<Adapter>();
  for (const entry of cudaVisible.split(",").map((word) => word.trim().toLowerCase())) {
    const digits = entry.replace(/^gpu-/, "").replaceAll("-", "");
    const card = entry.startsWith("gpu-")
      ? cards.find(({ uuid }) => digits !== "" && uuid.startsWith(digits))
      : /^\d+$/.test(entry)
        ? cards[Number(entry)]
        : undefined;
    if (card === undefined) break;
    shown.add(card);
  }
  return adapters.filter((adapter) => adapter.vendorId !== NVIDIA_VENDOR_ID || shown.has(adapter));
}

/**
 * Makes the Vulkan loader of this process offer this adapter alone; ONNX Runtime then takes it. To be called before
 * ONNX Runtime is loaded.
 * @throws Failure `gpu.none` where the loader still offers others: two cards of one model cannot be told apart by it.
 */
export function offerOnly(adapter: Adapter): void {
  const isAlone = (): boolean => {
    const left = listAdapters() ?? [];
    return left.length === 1 && isSame(left[0]!, adapter);
  };
  if (isAlone()) return;
  const hex = (value: number): string => `0x${value.toString(16)}`;
  // Loader filters (1.4.3xx and later), Mesa's own choice ("!" = show no other), and, for any loader, the driver file.
  setEnvironment("VK_LOADER_VENDOR_ID_FILTER", hex(adapter.vendorId));
  setEnvironment("VK_LOADER_DEVICE_ID_FILTER", hex(adapter.deviceId));
  setEnvironment("VK_LOADER_DEVICE_SELECT", `${hex(adapter.vendorId)}:${hex(adapter.deviceId)}`);
  setEnvironment(
    "MESA_VK_DEVICE_SELECT",
    `${adapter.vendorId.toString(16)}:${adapter.deviceId.toString(16)}!`,
  );
  if (isAlone()) return;
  for (const file of driverFiles()) {
    setEnvironment("VK_DRIVER_FILES", file);
    setEnvironment("VK_ICD_FILENAMES", file);
    if (isAlone()) return;
  }
  throw new Failure<InferenceCode>("gpu.none", {
    message: `the Vulkan loader cannot offer ${adapter.name} alone`,
    hint: "hide the other cards from this process, for example with NVIDIA_VISIBLE_DEVICES in a container",
  });
}

function isSame(a: Adapter, b: Adapter): boolean {
  return a.uuid === b.uuid && a.vendorId === b.vendorId && a.deviceId === b.deviceId && a.name === b.name;
}

/** True where the operator names the drivers: then a software driver among them is meant. */
export function hasNamedDrivers(environment: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(environment.VK_DRIVER_FILES ?? environment.VK_ICD_FILENAMES);
}

function driverFiles(): string[] {
  const named = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (named) return named.split(":");
  return [join(homedir(), ".local/share/vulkan/icd.d"), ...DRIVER_FOLDERS]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(".json"));
}

/** Bun's process.env is a copy; native libraries read the environment of the C library. */
function setEnvironment(name: string, value: string): void {
  const library = dlopen("libc.so.6", {
    setenv: { args: [FFIType.cstring, FFIType.cstring, FFIType.i32], returns: FFIType.i32 },
  });
  library.symbols.setenv(Buffer.from(`${name}\0`), Buffer.from(`${value}\0`), 1);
  library.close();
}
