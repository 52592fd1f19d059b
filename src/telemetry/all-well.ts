import { type LogFields, log } from "../base/log.ts";
import { meanOf } from "../base/mean.ts";
import type { Event } from "../events/schema.ts";
import { meanRewardIn } from "../events/step-figures.ts";
import type { Status } from "./status.ts";

/** The usual tempo, where the length of an epoch is not known. */
const USUAL_EPOCH_BLOCKS = 360;

/** One line for each epoch in which nothing is wrong, so that a log that is silent is a sign of trouble. */
export class AllWell {
  #epochBlocks = USUAL_EPOCH_BLOCKS;
  #nextBlock: number | undefined;
  /** Mean of each counted step since the last line. */
  #rewards: number[] = [];

  /** @param status asked only when an epoch has passed */
  note(event: Event, status: () => Status): void {
    if (event.kind === "run") {
      this.#epochBlocks = event.epoch_blocks ?? USUAL_EPOCH_BLOCKS;
      this.#nextBlock = event.block + this.#epochBlocks;
    }
    if (event.kind === "step" && event.counted) this.#rewards.push(meanRewardIn(event));
    if (this.#nextBlock === undefined || event.block < this.#nextBlock) return;
    this.#nextBlock = event.block + this.#epochBlocks;
    const rewards = this.#rewards.splice(0);
    const { alerts, healthy, steps, answerRate, weights, chain, update } = status();
    // What is wrong was told when it began.
    if (!healthy || alerts.length > 0) return;
    log.info("All is well", {
      block: chain.head,
      steps: steps.number,
      stepsPerMinute: short(steps.perMinute),
      answerRate: short(answerRate),
      meanReward: short(meanOf(rewards)),
      // 0 is none yet.
      weightsBlock: weights.lastBlock || undefined,
      ...weightsToCome(weights, chain.head ?? 0),
      newerRelease: update?.available ?? undefined,
      releaseOnTrial: update?.onTrial ?? undefined,
    });
  }
}

/** The block of the next weights, or what they wait for in spite of it. */
function weightsToCome({ nextBlock, state, reason }: Status["weights"], head: number): LogFields {
  if (nextBlock !== null && nextBlock > head) return { nextWeightsBlock: nextBlock };
  return { weightsWaitFor: state === "waiting" ? (reason ?? undefined) : undefined };
}

function short(value: number | null): number | undefined {
  return value === null ? undefined : Number(value.toFixed(4));
}
