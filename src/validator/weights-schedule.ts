import type { Subnet } from "./ports.ts";
import type { ValidatorSettings } from "./session.ts";

/** What of a session decides when weights are due. */
export interface WeightsPlan {
  settings: Pick<ValidatorSettings, "beforeEpochBlocks" | "epochBlocks">;
  state: { subnet: Pick<Subnet, "nextEpochBlock" | "tempo" | "weightsRateLimit"> };
}

/**
 * Where weights are set before each epoch: the block from which on they may be for the epoch that comes next. One that would lie before
 * the last epoch would make this validator miss epochs, so it opens right after that one at the earliest.
 * @returns undefined where weights are set an epoch after the last
 */
export function windowOpening(
  { nextEpochBlock, tempo }: Pick<Subnet, "nextEpochBlock" | "tempo">,
  beforeEpochBlocks: number,
): number | undefined {
  if (beforeEpochBlocks === 0 || nextEpochBlock === undefined || tempo === 0) return undefined;
  return nextEpochBlock - Math.min(beforeEpochBlocks, tempo - 1);
}

/** As `windowOpening`, for the epoch that comes next after `block`. */
export function openingBefore({ settings, state }: WeightsPlan, block: number): number | undefined {
  const { nextEpochBlock, tempo } = state.subnet;
  const opens = windowOpening(state.subnet, settings.beforeEpochBlocks);
  if (opens === undefined || nextEpochBlock === undefined) return undefined;
  // The subnet was read some blocks ago: epochs that passed since are counted on.
  const passed = Math.max(0, Math.ceil((block - nextEpochBlock) / tempo));
  return opens + passed * tempo;
}

/**
 * Block from which on weights may be set again.
 * @param last block of the last ones
 * @param block of now; a later one than it is only told where the last ones forbid it
 */
export function nextWeights(plan: WeightsPlan, last: number, block: number): number {
  const { tempo, weightsRateLimit } = plan.state.subnet;
  const opens = openingBefore(plan, block);
  if (opens === undefined) return last + Math.max(plan.settings.epochBlocks || tempo, weightsRateLimit);
  const isServed = last >= opens;
  return Math.max(isServed ? Math.max(block + 1, opens + tempo) : opens, last + weightsRateLimit);
}
