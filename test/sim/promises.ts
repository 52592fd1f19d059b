import type { SimResult } from "./windows.ts";

/** Share of the windows that get weights. */
const LEAST_SET = 0.995;
/** Blocks from the notice that an endpoint is lost to a connection. */
const RECOVERY_BLOCKS = 3;
/** At the end one connection stands, with its subscriptions to blocks, final blocks and the runtime's version. */
const OPEN = { sockets: 1, subscriptions: 3 };
/** The watchdog, what the library keeps and what the chain waits for. */
const MOST_TIMERS = 8;
/**
 * What may look like growth, each 100 epochs. What is held is told to 1 or 2 MB, the simulated chain's own included; what the
 * process takes depends on when memory is given back, and came out between −3 and 9 MB for the same code. A listener that
 * stays with each connection would be some hundred functions, a socket that stays one of 200, a hundredth of what is read
 * of the subnet 10 MB.
 */
const MOST_GROWTH: SimResult["growth"] = {
  heapMb: 2,
  rssMb: 10,
  functions: 20,
  sockets: 0.5,
  subscriptions: 0.5,
  timers: 0.5,
};

/** What a simulation shows that must not be, in sentences. */
export function brokenPromises(result: SimResult): string[] {
  const { windows, set, doubled, wrong, slowestRecoveryBlocks, growth, timers } = result;
  const broken: string[] = [];
  if (set / windows < LEAST_SET) broken.push(`${windows - set} of ${windows} windows got no weights`);
  if (doubled.length > 0) broken.push(`${doubled.length} windows got more than one vector`);
  if (wrong.length > 0) broken.push(`${wrong.length} vectors are wrong`);
  if (slowestRecoveryBlocks > RECOVERY_BLOCKS)
    broken.push(`a connection was there again after ${slowestRecoveryBlocks} blocks only`);
  for (const name of Object.keys(OPEN) as (keyof typeof OPEN)[])
    if (result[name] > OPEN[name]) broken.push(`${result[name]} ${name} are open at the end`);
  if (timers > MOST_TIMERS) broken.push(`${timers} timers are set at the end`);
  for (const name of Object.keys(MOST_GROWTH) as (keyof typeof MOST_GROWTH)[])
    if (growth[name] > MOST_GROWTH[name])
      broken.push(`each 100 epochs hold ${growth[name].toFixed(1)} more ${name}`);
  return broken;
}
