import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where .ci/swiftshader puts the driver. */
const INSTALLED = ".cache/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json";

/**
 * Description file of SwiftShader, a Vulkan driver on the CPU, to be given to an inference worker as VK_ICD_FILENAMES.
 * With it the WebGPU path runs where no GPU is. Undefined, with one printed line, where it is not installed.
 * @throws Error where OPENVALIDATOR_REQUIRE_WEBGPU is set, as in CI, and the driver is missing: a test that is
 * supposed to run must not be skipped in silence.
 */
export function swiftshaderIcd(): string | undefined {
  const given = process.env.OPENVALIDATOR_TEST_VK_ICD;
  const path = given ?? join(resolve(import.meta.dir, ".."), INSTALLED);
  if (existsSync(path)) return path;
  const message = `SwiftShader is not at ${given ?? INSTALLED}; .ci/swiftshader installs it`;
  if (process.env.OPENVALIDATOR_REQUIRE_WEBGPU) throw new Error(message);
  process.stderr.write(`WebGPU tests are skipped: ${message}\n`);
  return undefined;
}
