import type { Event } from "../../events/schema.ts";
import { answeredIn, meanRewardIn } from "../../events/step-figures.ts";
import { type EventLine, lineOfEvent } from "./event-line.ts";

/** Rewards of one step that counted, for the curve of the page. */
export interface RewardPoint {
  /** Running number since the state was made. */
  step: number;
  /** ISO 8601. */
  time: string;
  /** Of all asked, 0..1. */
  mean: number;
  best: number;
  /** Share of the asked that answered, 0..1. */
  answered: number;
}

const KEPT_POINTS = 400;
const KEPT_LINES = 100;

/** What a page that opens late has to know of the past. */
export class RecentPast {
  #points: RewardPoint[] = [];
  #lines: EventLine[] = [];

  /** Oldest first. */
  get points(): readonly RewardPoint[] {
    return this.#points;
  }

  /** Oldest first. */
  get lines(): readonly EventLine[] {
    return this.#lines;
  }

  /** Gives what is new of it. */
  apply(event: Event): { line: EventLine; point: RewardPoint | undefined } {
    const line = lineOfEvent(event);
    this.#lines = [...this.#lines, line].slice(-KEPT_LINES);
    const point = pointOf(event);
    if (point) this.#points = [...this.#points, point].slice(-KEPT_POINTS);
    return { line, point };
  }
}

function pointOf(event: Event): RewardPoint | undefined {
  if (event.kind !== "step" || !event.counted || event.rewards.length === 0) return undefined;
  const { rewards, uids } = event;
  return {
    step: event.step,
    time: event.time,
    mean: meanRewardIn(event),
    best: Math.max(...rewards),
    answered: answeredIn(event) / uids.length,
  };
}
