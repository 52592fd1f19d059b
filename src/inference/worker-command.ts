import { Failure } from "../base/error.ts";
import { ownCommand } from "../base/program.ts";
import { BUILD } from "../config/version.ts";
import type { InferenceCode } from "./failure.ts";

/**
 * Command that starts this same program as an inference worker.
 * @throws Failure `inference.none` in an executable that has no runtime for models
 */
export function workerCommand(): string[] {
  if (BUILD.withoutInference !== undefined)
    throw new Failure<InferenceCode>("inference.none", {
      message: `no model runs in this executable: ${BUILD.withoutInference}`,
      hint: "validate on Linux or on a Mac with Apple silicon; analysis, datasets and queries work here",
    });
  return ownCommand("inference-worker");
}
