import { afterEach } from "bun:test";
import { syncSpools } from "../../src/telemetry/wandb/sync.ts";
import { WandbDouble } from "./double.ts";
import { KEY, QUICK } from "./validator.ts";

/**
 * For the top of a test file: gives a maker of doubles, each stopped after its test. A hook of this module itself would be
 * one of the first file alone that loads it.
 */
export function wandbDoubles(): (options?: ConstructorParameters<typeof WandbDouble>[0]) => WandbDouble {
  const made: WandbDouble[] = [];
  afterEach(async () => {
    for (const double of made.splice(0)) await double.stop();
  });
  return (options = {}) => {
    const double = new WandbDouble({ key: KEY, ...options });
    made.push(double);
    return double;
  };
}

/** Sends everything that waits in a folder, at a pace that a test can wait for. */
export function syncAll(server: WandbDouble, directory: string): ReturnType<typeof syncSpools> {
  return syncSpools({
    directory,
    environment: { WANDB_BASE_URL: server.url, WANDB_API_KEY: KEY },
    weightsStepLength: 10,
    isAlone: true,
    signal: new AbortController().signal,
    pace: QUICK,
  });
}

/** The timeout of the test bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10);
}
