import { join } from "node:path";
import { lockHolder } from "../../base/lock.ts";
import { printableUrl } from "../../base/url.ts";
import { LOCK_FILE } from "../../config/paths.ts";
import { findKey, wandbUrl } from "../../wandb/key.ts";
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

/** Only where the key comes from is told, never the key. */
const wandb: Check = {
  name: "telemetry.wandb",
  timeoutMs: LOOK_MS,
  run({ settings, environment }) {
    if (settings.wandbOff) return ok("off, as told by --wandb.off");
    if (settings.wandbOffline) return ok("kept on disk, as told by --wandb.offline");
    const url = wandbUrl(environment);
    if (!URL.canParse(url)) return warn("WANDB_BASE_URL is no address", "Write https://host, or unset it.");
    const found = findKey(environment, url);
    return found === undefined
      ? warn(
          "there is no key of Weights & Biases, so rows stay on disk",
          "Run: openvalidator wandb login; or give --wandb.off.",
        )
      : ok(`the key of ${found.source} for ${printableUrl(url)}`);
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

export const TELEMETRY_CHECKS: readonly Check[] = [port, wandb];
