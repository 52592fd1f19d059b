import type { Event } from "../events/schema.ts";

/** Judging on a CPU that is busy with something else; a shorter watchdog does not make a step shorter. */
export const MIN_SILENCE_MS = 150_000;

export interface Patience {
  /** Longest that a step may wait for its miners, milliseconds. */
  askMs: number;
  /** Longest silence besides that which is no fault, milliseconds. */
  silenceMs: number;
}

/** A judge may be slower than before, for example when its models move to the CPU in the middle of a step. */
const SLOWER = 3;
/** Heads come each 12 s on the public chain, and at most a minute apart on a subnet of one's own. */
const MAX_HEAD_AGE_MS = 180_000;

/**
 * Whether this validator gets on, as far as its events tell. Getting on is a step, a change of a model, or an understood
 * wait: a forward pass that was skipped or failed tells so each time it is tried again, at least once a minute. Events
 * of the chain, of weights and of the disk are none, for they come also while the passes hang.
 */
export class Headway {
  readonly #patience: Patience;
  #progressMs: number;
  /** Of the steps of this run, milliseconds. */
  #longestStepMs = 0;
  #head = 0;
  #headMs: number;
  /** The connection itself knows that heads are missing, and mends it. */
  #isChainAway = false;

  /** @param nowMs of a clock that only goes forward */
  constructor(patience: Patience, nowMs: number) {
    this.#patience = patience;
    this.#progressMs = nowMs;
    this.#headMs = nowMs;
  }

  note(event: Event, nowMs: number): void {
    if (event.block > this.#head) {
      this.#head = event.block;
      this.#headMs = nowMs;
    }
    switch (event.kind) {
      case "run":
      case "model":
      case "forward":
        this.#progressMs = nowMs;
        break;
      case "step":
        this.#progressMs = nowMs;
        this.#longestStepMs = Math.max(this.#longestStepMs, event.step_length * 1000);
        break;
      case "chain":
        this.#noteChain(event.state, nowMs);
    }
  }

  #noteChain(state: string, nowMs: number): void {
    if (state === "lost" || state === "lagging") this.#isChainAway = true;
    if (state === "connected" || state === "switched" || state === "caught-up") {
      this.#isChainAway = false;
      this.#headMs = nowMs;
    }
  }

  /** Why a supervisor should step in; undefined while there is no reason. */
  stall(nowMs: number): "steps" | "blocks" | undefined {
    const { askMs, silenceMs } = this.#patience;
    const allowedMs = askMs + Math.max(silenceMs, SLOWER * this.#longestStepMs);
    if (nowMs - this.#progressMs > allowedMs) return "steps";
    // Events show the head, so it is as old as the last event at least.
    const headAgeMs = this.#progressMs - this.#headMs;
    return !this.#isChainAway && headAgeMs > Math.max(MAX_HEAD_AGE_MS, silenceMs) ? "blocks" : undefined;
  }
}
