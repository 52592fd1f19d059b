import { expect, test } from "bun:test";
import { scratchFolders } from "../scratch.ts";
import { simulate } from "./windows.ts";

const folder = scratchFolders("windows");

/** The long one, of a thousand epochs and more, is `bun test/sim/windows.ts 1000`. */
test("every window gets one right vector, though one answer in twenty is spoiled", async () => {
  const seed = Number(process.env.SIM_SEED ?? 7);
  const result = await simulate({ epochs: 8, seed, faultRate: 0.05, directory: folder() });
  expect({ seed, ...result }).toMatchObject({ seed, set: result.windows, doubled: 0, wrong: 0 });
  expect(result.windows).toBeGreaterThanOrEqual(6);
  expect(result.sockets).toBeLessThanOrEqual(1);
}, 60_000);
