import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnvironment } from "../base/child-environment.ts";
import type { DeviceChoice } from "../config/kinds.ts";
import { fromMessage } from "./failure.ts";
import type { ModelReport } from "./protocol.ts";
import { workerCommand } from "./worker-command.ts";
import { WorkerProcess } from "./worker-process.ts";

/**
 * Loads a model on a device as a run would, tries it, and tells where each node of its graph ran. In a process of its own, for
 * a driver may crash.
 * @throws Failure `model.*`, `gpu.*`, `inference.*` of a model that does not run there
 */
export async function placementOf(
  id: string,
  { device, directory, signal }: { device: DeviceChoice; directory: string; signal: AbortSignal },
): Promise<ModelReport> {
  const profileInto = mkdtempSync(join(tmpdir(), "openvalidator-nodes-"));
  try {
    let tried: ModelReport | undefined;
    const settings = { device, models: [{ id }], modelDirectory: directory, profileInto };
    const worker = await WorkerProcess.start(workerCommand(), childEnvironment(process.env), settings, {
      signal,
      onModel: (report) => {
        if (report.state === "tried") tried = report;
      },
    });
    const [left] = worker.leftOut;
    await worker.stop();
    if (left !== undefined) throw fromMessage(left.failure);
    return tried!;
  } finally {
    rmSync(profileInto, { recursive: true, force: true });
  }
}
