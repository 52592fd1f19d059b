import { type Epochs, epochFrom } from "./epochs.ts";
import type { Subnet } from "./ports.ts";
import type { ValidatorSettings } from "./session.ts";

/** What of a session decides when weights are due. */
export interface WeightsPlan {
  settings: Pick<ValidatorSettings, "beforeEpochBlocks" | "epochBlocks">;
  state: { subnet: Epochs & Pick<Subnet, "weightsRateLimit"> };
}

/**
 * Where weights are set before each epoch: the block from which on they may be for the epoch that comes next after `block`. One that would
 * lie before the last epoch would make this validator miss epochs, so it opens right after that one at the earliest.
 * @returns undefined where weights are set an epoch after the last
 */
export function openingBefore(
  { beforeEpochBlocks }: Pick<ValidatorSettings, "beforeEpochBlocks">,
  epochs: Epochs,
  block: number,
): number | undefined {
  const epoch = epochFrom(epochs, block);
  if (beforeEpochBlocks === 0 || epoch === undefined) return undefined;
  return epoch - Math.min(beforeEpochBlocks, epochs.tempo - 1);
}

/**
 * Block from which on weights may be set again.
 * @param last block of the last ones
 * @param block of now; a later one than it is only told where the last ones forbid it
 */
export function nextWeights(plan: WeightsPlan, last: number, block: number): number {
  const { tempo, weightsRateLimit } = plan.state.subnet;
  const opens = openingBefore(plan.settings, plan.state.subnet, block);
  if (opens === undefined) return last + Math.max(plan.settings.epochBlocks || tempo, weightsRateLimit);
  const isServed = last >= opens;
  return Math.max(isServed ? Math.max(block + 1, opens + tempo) : opens, last + weightsRateLimit);
}
