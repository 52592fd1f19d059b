import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where .ci/swiftshader puts the driver. */
const INSTALLED = ".cache/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json";

/**
 * What makes a process take SwiftShader, a Vulkan driver on the CPU, beside the environment it has.
 * With it the WebGPU path runs where no GPU is. Undefined, with one printed line, where it is not installed.
 * @throws Error where OPENVALIDATOR_REQUIRE_WEBGPU is set, as in CI, and the driver is missing: a test that is
 * supposed to run must not be skipped in silence.
 */
export function swiftshaderEnvironment(): Record<string, string> | undefined {
  const given = process.env.OPENVALIDATOR_TEST_VK_ICD;
  const path = resolve(given ?? join(import.meta.dir, "..", INSTALLED));
  if (existsSync(path))
    return {
      VK_ICD_FILENAMES: path,
      VK_DRIVER_FILES: path,
      // Chromium's own Vulkan loader lies beside its driver; needed where libvulkan1 is not installed.
      LD_LIBRARY_PATH: [dirname(path), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
    };
  const message = `SwiftShader is not at ${given ?? INSTALLED}; .ci/swiftshader installs it`;
  if (process.env.OPENVALIDATOR_REQUIRE_WEBGPU) throw new Error(message);
  process.stderr.write(`WebGPU tests are skipped: ${message}\n`);
  return undefined;
}
