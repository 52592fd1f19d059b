import { runInferenceWorker } from "../../inference/worker.ts";
import { EXIT } from "../report.ts";

/** The hidden command that the parent starts as its inference process. */
export async function inferenceWorker(): Promise<number> {
  await runInferenceWorker();
  return EXIT.ok;
}
