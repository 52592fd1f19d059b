import { dlopen, FFIType, type Pointer, ptr } from "bun:ffi";

export type AdapterKind = "discrete" | "integrated" | "virtual" | "other" | "software";

/** A device that the Vulkan loader offers. */
export interface Adapter {
  name: string;
  kind: AdapterKind;
  /** False for a renderer on the CPU, such as SwiftShader or llvmpipe. */
  isHardware: boolean;
  /** Name and version in the driver's own words; empty where the driver tells neither. */
  driver: string;
  /** PCI vendor and device. Two cards of one model have the same. */
  vendorId: number;
  deviceId: number;
  /** 32 hex digits; on NVIDIA the digits of `nvidia-smi -L`. Zeros where the driver gives none. */
  uuid: string;
  /** The largest heap that is local to the device. */
  memoryBytes: number;
  /** What the driver says of 16-bit arithmetic. WebGPU may still not offer it: see hasWorkingF16. */
  f16: boolean;
}

// Vulkan 1.2, vulkan_core.h. Sizes and offsets are those of the 64-bit ABI.
const API_VERSION_1_2 = (1 << 22) | (2 << 12);
const TYPE = {
  instance: 1,
  features2: 1_000_059_000,
  properties2: 1_000_059_001,
  idProperties: 1_000_071_004,
  float16: 1_000_082_000,
  driverProperties: 1_000_196_000,
};
const BYTES = {
  application: 48,
  instance: 64,
  properties2: 840,
  idProperties: 64,
  driverProperties: 536,
  features2: 240,
  float16: 24,
  memory: 520,
};
/** Of properties inside properties2. */
const PROPERTIES_OFFSET = 16;
const MEMORY_HEAPS = { countOffset: 260, offset: 264, bytes: 16, deviceLocalBit: 1 };
const NAME_BYTES = 256;
/** VkPhysicalDeviceType 0..4. */
const KINDS: readonly AdapterKind[] = ["other", "integrated", "discrete", "virtual", "software"];
/** The order in which WebGPU prefers adapters. */
const PREFERENCE: readonly AdapterKind[] = ["discrete", "integrated", "virtual", "other", "software"];
const MAX_DEVICES = 64;

function openLoader() {
  const { ptr: pointer, i32, void: nothing } = FFIType;
  return dlopen("libvulkan.so.1", {
    vkCreateInstance: { args: [pointer, pointer, pointer], returns: i32 },
    vkEnumeratePhysicalDevices: { args: [pointer, pointer, pointer], returns: i32 },
    vkGetPhysicalDeviceProperties2: { args: [pointer, pointer], returns: nothing },
    vkGetPhysicalDeviceFeatures2: { args: [pointer, pointer], returns: nothing },
    vkGetPhysicalDeviceMemoryProperties: { args: [pointer, pointer], returns: nothing },
    vkDestroyInstance: { args: [pointer, pointer], returns: nothing },
  }).symbols;
}
type Loader = ReturnType<typeof openLoader>;

/** A Vulkan structure with its type and the next one of its chain. */
function structure(sizeBytes: number, type: number, next?: DataView<ArrayBuffer>): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(sizeBytes));
  view.setUint32(0, type, true);
  if (next) view.setBigUint64(8, BigInt(ptr(next)), true);
  return view;
}

function textAt(view: DataView<ArrayBuffer>, offset: number): string {
  const bytes = new Uint8Array(view.buffer, offset, NAME_BYTES);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function describe(vulkan: Loader, device: Pointer): Adapter {
  const driver = structure(BYTES.driverProperties, TYPE.driverProperties);
  const id = structure(BYTES.idProperties, TYPE.idProperties, driver);
  const properties = structure(BYTES.properties2, TYPE.properties2, id);
  vulkan.vkGetPhysicalDeviceProperties2(device, ptr(properties));
  const float16 = structure(BYTES.float16, TYPE.float16);
  const features = structure(BYTES.features2, TYPE.features2, float16);
  vulkan.vkGetPhysicalDeviceFeatures2(device, ptr(features));
  const memory = new DataView(new ArrayBuffer(BYTES.memory));
  vulkan.vkGetPhysicalDeviceMemoryProperties(device, ptr(memory));

  const kind = KINDS[properties.getUint32(PROPERTIES_OFFSET + 16, true)] ?? "other";
  return {
    name: textAt(properties, PROPERTIES_OFFSET + 20),
    kind,
    isHardware: kind !== "software",
    driver: `${textAt(driver, 20)} ${textAt(driver, 276)}`.trim(),
    vendorId: properties.getUint32(PROPERTIES_OFFSET + 8, true),
    deviceId: properties.getUint32(PROPERTIES_OFFSET + 12, true),
    uuid: Buffer.from(id.buffer, 16, 16).toString("hex"),
    memoryBytes: largestLocalHeap(memory),
    f16: float16.getUint32(16, true) !== 0,
  };
}

function largestLocalHeap(memory: DataView<ArrayBuffer>): number {
  const { countOffset, offset, bytes, deviceLocalBit } = MEMORY_HEAPS;
  let largest = 0n;
  for (let heap = 0; heap < memory.getUint32(countOffset, true); heap++) {
    const at = offset + heap * bytes;
    const size = memory.getBigUint64(at, true);
    if ((memory.getUint32(at + 8, true) & deviceLocalBit) !== 0 && size > largest) largest = size;
  }
  return Number(largest);
}

/**
 * The adapters of this machine, best first, as the Vulkan loader sees them with this process's environment. ONNX
 * Runtime does not tell which one it takes, nor whether it is one at all, so the loader is asked before.
 * @returns none where there is no Vulkan loader; undefined on a system with another API (Metal, D3D12).
 */
export function listAdapters(): Adapter[] | undefined {
  if (process.platform !== "linux") return undefined;
  let vulkan: Loader;
  try {
    vulkan = openLoader();
  } catch {
    // No loader is the normal case on a machine without a GPU.
    return [];
  }
  const application = structure(BYTES.application, 0);
  application.setUint32(44, API_VERSION_1_2, true);
  const info = structure(BYTES.instance, TYPE.instance);
  info.setBigUint64(24, BigInt(ptr(application)), true);
  const created = new BigUint64Array(1);
  if (vulkan.vkCreateInstance(ptr(info), null, ptr(created)) !== 0) return [];
  const instance = Number(created[0]) as Pointer;
  try {
    const count = new Uint32Array([MAX_DEVICES]);
    const devices = new BigUint64Array(MAX_DEVICES);
    // A positive result (VK_INCOMPLETE) still fills what there is room for.
    if (vulkan.vkEnumeratePhysicalDevices(instance, ptr(count), ptr(devices)) < 0) return [];
    return [...devices.subarray(0, count[0])]
      .map((device) => describe(vulkan, Number(device) as Pointer))
      .sort((a, b) => PREFERENCE.indexOf(a.kind) - PREFERENCE.indexOf(b.kind));
  } finally {
    vulkan.vkDestroyInstance(instance, null);
  }
}
