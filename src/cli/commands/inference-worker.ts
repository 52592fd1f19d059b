import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { runInferenceWorker } from "../../inference/worker/worker.ts";
import { EXIT } from "../exit-codes.ts";

/** The hidden command that the parent starts as its inference process. */
export async function inferenceWorker(): Promise<number> {
  if (process.send === undefined) {
    throw new Failure<ConfigCode>("config.stray-word", {
      message: "inference-worker is started by openvalidator itself, not by hand",
      hint: "openvalidator --help lists the commands",
    });
  }
  await runInferenceWorker();
  return EXIT.ok;
}
