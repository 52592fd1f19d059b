import { expect, test } from "bun:test";
import { simulateApart } from "./apart.ts";

/** The long one, of a thousand epochs and more, is `bun test/sim/windows.ts 1000`. */
test("windows get one right vector and never two, though one answer in twenty is spoiled", async () => {
  const seed = Number(process.env.SIM_SEED ?? 7);
  const result = await simulateApart({ epochs: 12, seed, faultRate: 0.05 });
  expect(result).toMatchObject({ seed, windows: 11, set: 11, missed: [], doubled: [], wrong: [] });
  expect(result.slowestRecoveryBlocks).toBeLessThanOrEqual(3);
  // One connection with its three subscriptions, the watchdog, what the library and the chain wait for.
  expect(result).toMatchObject({ sockets: 1, subscriptions: 3 });
  expect(result.timers).toBeLessThanOrEqual(8);
  // Some hundred faults, or this proves nothing.
  expect(Object.values(result.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
}, 120_000);

test("a commit whose block is taken back is made again, and its reveal is told once", async () => {
  const options = { epochs: 8, seed: 1, faultRate: 0, reorgRate: 1, commitReveal: true };
  const result = await simulateApart(options);
  expect(result).toMatchObject({ windows: 7, set: 7, doubled: [], wrong: [] });
  const { reorganised = 0 } = result.faults;
  expect(reorganised).toBeGreaterThanOrEqual(7);
  const { revealed, missing = 0 } = result.revealsTold;
  expect(revealed).toBe(result.reveals);
  // Some come again in another block before anybody missed them.
  expect(missing).toBeWithin(1, reorganised + 1);
}, 120_000);

test("a seed gives the same run to the last request", async () => {
  const options = { epochs: 3, seed: 11, faultRate: 0.1 };
  const [first, second] = [await simulateApart(options), await simulateApart(options)];
  expect(first.trace).toBe(second.trace);
  expect((await simulateApart({ ...options, seed: 12 })).trace).not.toBe(first.trace);
}, 120_000);
