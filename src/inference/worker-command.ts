import { ownCommand } from "../base/program.ts";

/** Command that starts this same program as an inference worker. */
export function workerCommand(): string[] {
  return ownCommand("inference-worker");
}
