import { log } from "../base/log.ts";
import type { Event } from "../events/schema.ts";
import type { Status } from "./status.ts";

/** The usual tempo, where the length of an epoch is not known. */
const USUAL_EPOCH_BLOCKS = 360;

/** One line for each epoch in which nothing is wrong, so that a log that is silent is a sign of trouble. */
export class AllWell {
  #epochBlocks = USUAL_EPOCH_BLOCKS;
  #nextBlock: number | undefined;

  /** @param status asked only when an epoch has passed */
  note(event: Event, status: () => Status): void {
    if (event.kind === "run") {
      this.#epochBlocks = event.epoch_blocks ?? USUAL_EPOCH_BLOCKS;
      this.#nextBlock = event.block + this.#epochBlocks;
    }
    if (this.#nextBlock === undefined || event.block < this.#nextBlock) return;
    this.#nextBlock = event.block + this.#epochBlocks;
    const { alerts, healthy, steps, answerRate, weights, chain } = status();
    // What is wrong was told when it began.
    if (!healthy || alerts.length > 0) return;
    log.info("All is well", {
      block: chain.head,
      steps: steps.number,
      stepsPerMinute: steps.perMinute,
      answerRate: answerRate ?? undefined,
      meanReward: steps.last?.meanReward,
      weightsBlock: weights.lastBlock ?? undefined,
      nextWeightsBlock: weights.nextBlock ?? undefined,
    });
  }
}
