import type { EventOf } from "../events/schema.ts";
import { nextBlockOf } from "./restart-window.ts";
import type { Status } from "./status.ts";
import { toldText } from "./told-text.ts";

/** What a run tells of its weights and their reveals, folded into how they stand. Pure and bounded. */
export class WeightsFold {
  #weights: Omit<Status["weights"], "nextBlock"> = {
    state: null,
    lastBlock: null,
    path: null,
    reason: null,
    blocksLeft: null,
    epochBlocks: null,
    unasked: null,
    isEnabled: true,
    included: 0,
    refused: 0,
  };
  #toldAtBlock = 0;
  #scheduled: number | null = null;
  /** By mechanism of the subnet, the block of its last weights. */
  #lastBlocks = new Map<number, number>();
  #from = 0;
  #reveal: Status["reveal"] = { state: "none", committed: null, revealRound: null };

  noteRun(event: EventOf<"run">): void {
    this.#weights.epochBlocks = event.epoch_blocks;
    this.#weights.lastBlock = event.last_weights_block;
    this.#weights.isEnabled = event.sets_weights;
    this.#scheduled = event.next_weights_block ?? null;
    this.#lastBlocks = new Map(
      event.mechanisms?.map(({ mecid, last_weights_block: block }) => [mecid, block]),
    );
    this.#from = event.block;
  }

  note(event: EventOf<"weights">): void {
    const weights = this.#weights;
    weights.state = event.state;
    weights.path = event.path ?? weights.path;
    weights.reason = toldText(event.error ?? event.reason);
    weights.blocksLeft = event.blocks_left;
    this.#toldAtBlock = event.block;
    if (event.state === "refused") weights.refused++;
    if (event.state !== "included") return;
    weights.included++;
    this.#scheduled = event.blocks_left === null ? null : event.block + event.blocks_left;
    weights.unasked = event.unasked ?? weights.unasked;
    this.#lastBlocks.set(event.mecid ?? 0, event.block);
    // What waits longest, where there are several mechanisms.
    weights.lastBlock = Math.min(...this.#lastBlocks.values());
  }

  noteReveal({ state, committed, reveal_round: revealRound }: EventOf<"reveal">): void {
    // News of an older commit do not hide those of a newer one, unless they are bad.
    if (state !== "missing" && committed < (this.#reveal.committed ?? 0)) return;
    this.#reveal = { state, committed, revealRound };
  }

  /** Weights are waited for from this block on: the start, or when the permit came back. */
  waitFrom(block: number): void {
    this.#from = block;
  }

  /** The block from which on they are waited for. */
  get from(): number {
    return Math.max(this.#from, this.#weights.lastBlock ?? 0);
  }

  get reveal(): Status["reveal"] {
    return { ...this.#reveal };
  }

  snapshot(): Status["weights"] {
    const nextBlock = nextBlockOf(this.#weights, this.#toldAtBlock, this.#scheduled);
    return { ...this.#weights, nextBlock };
  }
}
