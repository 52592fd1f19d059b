import type { BlockNumber, Hotkey } from "../base/units.ts";
import type { Neuron } from "./ports.ts";

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
