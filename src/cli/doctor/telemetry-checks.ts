import { join } from "node:path";
import { lockHolder } from "../../base/lock.ts";
import { LOCK_FILE } from "../../validator/state/upkeep.ts";
import { type Check, ok, warn } from "./check.ts";

const LOOK_MS = 2_000;

const port: Check = {
  name: "telemetry.port",
  timeoutMs: LOOK_MS,
  async run({ settings, stateDirectory }) {
    const { metricsPort } = settings;
    if (metricsPort === 0) return ok("none, as told by --metrics.port 0");
    if (!(await isTaken(metricsPort))) return ok(`${metricsPort} is free`);
    return lockHolder(join(stateDirectory, LOCK_FILE)) === undefined
      ? warn(
          `${metricsPort} is taken, so the validator would run without live page, metrics and health`,
          "End what listens there, or give another --metrics.port.",
        )
      : ok(`${metricsPort} is taken while this validator runs`);
  },
};

/** Asked by a connection, which takes the port from nobody who starts at this moment. */
async function isTaken(number: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: number, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false; // refused: nobody listens
  }
}

export const TELEMETRY_CHECKS: readonly Check[] = [port];
