import type { BlockNumber, Hotkey } from "../base/units.ts";
import type { Neuron, Subnet } from "./ports.ts";

/** When each miner was last asked in a step that counts. In memory alone: after a restart everybody waits for a turn again. */
export class Turns {
  /** From which block on it is known. */
  readonly since: BlockNumber;
  readonly #askedAt = new Map<Hotkey, BlockNumber>();

  constructor(since: BlockNumber) {
    this.since = since;
  }

  note(hotkeys: readonly Hotkey[], block: BlockNumber): void {
    for (const hotkey of hotkeys) this.#askedAt.set(hotkey, block);
  }

  hadOneSince(hotkey: Hotkey, block: number): boolean {
    return (this.#askedAt.get(hotkey) ?? -1) >= block;
  }

  /** Keeps those of this subnet alone. */
  align(neurons: readonly Neuron[]): void {
    const held = new Set(neurons.map(({ hotkey }) => hotkey));
    for (const hotkey of this.#askedAt.keys()) if (!held.has(hotkey)) this.#askedAt.delete(hotkey);
  }
}

/** Block in which the epoch of now began; by the subnet's schedule, or an epoch ago where it has none. */
export function epochStart(
  { nextEpochBlock, tempo }: Pick<Subnet, "nextEpochBlock" | "tempo">,
  head: BlockNumber,
): number {
  if (nextEpochBlock === undefined || tempo === 0) return head - tempo;
  // The subnet was read some blocks ago: epochs that passed since are counted on.
  const passed = Math.max(0, Math.floor((head - nextEpochBlock) / tempo) + 1);
  return nextEpochBlock + (passed - 1) * tempo;
}
