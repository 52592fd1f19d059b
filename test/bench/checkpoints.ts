import { join } from "node:path";
import { benchLargeModels } from "./large-models.ts";
import type { BenchRow } from "./row.ts";

const ROUNDS = 10_000;

/** Weights of strangers, changed at random, and models of real shapes that are built of weights. */
export async function benchCheckpoints(): Promise<BenchRow[]> {
  return [...(await changedRows()), ...(await benchLargeModels())];
}

/** Each is opened and read or refused, in a process of their own. */
async function changedRows(): Promise<BenchRow[]> {
  const script = join(import.meta.dir, "../models/build/mutations.ts");
  const child = Bun.spawn([process.execPath, script, String(ROUNDS)], { stderr: "inherit" });
  const out = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error("a changed file was neither read nor refused");
  const { opened, kinds, grownBytes, seconds } = JSON.parse(out);
  return [
    {
      name: `${ROUNDS} changed checkpoints, ${opened} of them read, ${kinds} kinds of refusals`,
      value: seconds,
      unit: "s",
    },
    { name: "their memory at most", value: grownBytes / 1e6, unit: "MB" },
  ];
}
