import { dlopen, FFIType, type Pointer, ptr } from "bun:ffi";

/** A device that the Vulkan loader offers. */
export interface Adapter {
  name: string;
  /** False for a renderer on the CPU, such as SwiftShader or llvmpipe. */
  isHardware: boolean;
}

// Vulkan 1.0, vulkan_core.h. Sizes and offsets are those of the 64-bit ABI.
const STRUCTURE_TYPE_INSTANCE_CREATE_INFO = 1;
const INSTANCE_CREATE_INFO_BYTES = 64;
const PROPERTIES_BYTES = 824;
const DEVICE_TYPE_OFFSET = 16;
const DEVICE_NAME_OFFSET = 20;
const DEVICE_TYPE_CPU = 4;
/** Discrete before integrated before virtual before other; the order in which WebGPU prefers adapters. */
const PREFERENCE = [2, 1, 3, 0, DEVICE_TYPE_CPU];
const MAX_DEVICES = 64;

function openLoader() {
  return dlopen("libvulkan.so.1", {
    vkCreateInstance: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    vkEnumeratePhysicalDevices: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    vkGetPhysicalDeviceProperties: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.void },
    vkDestroyInstance: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.void },
  }).symbols;
}

/**
 * The adapters of this machine, best first, as the Vulkan loader sees them with this process's environment. ONNX
 * Runtime does not tell which one it takes, nor whether it is one at all, so the loader is asked before.
 * @returns none where there is no Vulkan loader; undefined on a system with another API (Metal, D3D12).
 */
export function listAdapters(): Adapter[] | undefined {
  if (process.platform !== "linux") return undefined;
  let vulkan: ReturnType<typeof openLoader>;
  try {
    vulkan = openLoader();
  } catch {
    // No loader is the normal case on a machine without a GPU.
    return [];
  }
  const info = new BigUint64Array(INSTANCE_CREATE_INFO_BYTES / 8);
  info[0] = BigInt(STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  const created = new BigUint64Array(1);
  if (vulkan.vkCreateInstance(ptr(info), null, ptr(created)) !== 0) return [];
  const instance = Number(created[0]) as Pointer;
  try {
    const count = new Uint32Array([MAX_DEVICES]);
    const devices = new BigUint64Array(MAX_DEVICES);
    // A positive result (VK_INCOMPLETE) still fills what there is room for.
    if (vulkan.vkEnumeratePhysicalDevices(instance, ptr(count), ptr(devices)) < 0) return [];
    return [...devices.subarray(0, count[0])]
      .map((device) => {
        const properties = new Uint8Array(PROPERTIES_BYTES);
        vulkan.vkGetPhysicalDeviceProperties(Number(device) as Pointer, ptr(properties));
        const type = new DataView(properties.buffer).getUint32(DEVICE_TYPE_OFFSET, true);
        const text = new TextDecoder().decode(
          properties.subarray(DEVICE_NAME_OFFSET, DEVICE_NAME_OFFSET + 256),
        );
        return { name: text.slice(0, text.indexOf("\0")), type };
      })
      .sort((a, b) => PREFERENCE.indexOf(a.type) - PREFERENCE.indexOf(b.type))
      .map(({ name, type }) => ({ name, isHardware: type !== DEVICE_TYPE_CPU }));
  } finally {
    vulkan.vkDestroyInstance(instance, null);
  }
}
