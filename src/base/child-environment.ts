type Environment = Readonly<Record<string, string | undefined>>;

/** What the system, its loader and this program's cache need. */
const NAMES: ReadonlySet<string> = new Set([
  ...["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP", "LANG", "LANGUAGE", "TZ"],
  ...["LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"],
  ...["OPENVALIDATOR_CACHE", "GALLIUM_DRIVER", "LP_NUM_THREADS"],
]);
/**
 * What drivers and runtimes read: the Vulkan loader, NVIDIA's, AMD's and Intel's drivers, Mesa and its software renderer,
 * Dawn, ONNX Runtime and the thread pools it may use.
 */
const PREFIXES =
  /^(?:XDG|LC|VK|CUDA|NVIDIA|NV|__NV|__GL|__GLX|__VK|__EGL|DRI|MESA|LIBGL|LVP|RADV|AMD|AMDVLK|ROCR|HIP|HSA|ANV|INTEL|ZE|ONEAPI|SWIFTSHADER|DAWN|ORT|OMP|KMP|GOMP|MKL|FAKETIME)(?:_|$)/;
/** Never passed on by its name alone: NVIDIA_API_KEY is none of a driver's. */
const SECRET = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH/i;

/**
 * The environment of an inference process, or of a driver's own program: anybody who may read the process can read it, so
 * it holds what drivers need and no token, password or setting of this program.
 */
export function childEnvironment(environment: Environment): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    const isNeeded = NAMES.has(name) || (PREFIXES.test(name) && !SECRET.test(name));
    if (isNeeded && value !== undefined) passed[name] = value;
  }
  return passed;
}
