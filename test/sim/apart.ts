import { join } from "node:path";
import type { SimOptions, SimResult } from "./windows.ts";

/**
 * Simulates in a process of its own, for this one's clocks and timers are needed by others.
 * @throws Error with what it printed, where it did not come to figures
 */
export async function simulateApart({
  epochs,
  seed,
  faultRate,
  reorgRate = faultRate,
  commitReveal = false,
}: Omit<SimOptions, "reorgRate"> & Partial<SimOptions>): Promise<SimResult> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "windows.ts"), String(epochs)], {
    env: {
      ...process.env,
      SIM_SEED: String(seed),
      SIM_FAULTS: String(faultRate),
      SIM_REORGS: String(reorgRate),
      SIM_COMMITS: commitReveal ? "1" : "0",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [printed, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (printed === "") throw new Error(problems);
  return JSON.parse(printed) as SimResult;
}
