import type { BlockNumber } from "../base/units.ts";
import type { Subnet } from "./ports.ts";

/** When a subnet's epochs run, as it was read some blocks ago. */
export type Epochs = Pick<Subnet, "nextEpochBlock" | "tempo">;

/**
 * The first block from `block` on in which an epoch runs; epochs that passed since the subnet was read are counted on.
 * @returns undefined where the subnet has no schedule
 */
export function epochFrom({ nextEpochBlock, tempo }: Epochs, block: number): number | undefined {
  if (nextEpochBlock === undefined || tempo === 0) return undefined;
  return nextEpochBlock + Math.max(0, Math.ceil((block - nextEpochBlock) / tempo)) * tempo;
}

/** Block in which the epoch of now began; an epoch ago where the subnet has no schedule. */
export function epochStart(epochs: Epochs, head: BlockNumber): number {
  return (epochFrom(epochs, head + 1) ?? head) - epochs.tempo;
}
