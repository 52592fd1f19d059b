import { meanOf } from "../base/mean.ts";
import type { StepBody } from "./schema.ts";

/** Status of a reply with a usable completion. */
export const ANSWERED = 200;

/** Miners of a step that gave a usable completion. */
export function answeredIn({ completion_status_codes }: Pick<StepBody, "completion_status_codes">): number {
  return completion_status_codes.filter((code) => code === ANSWERED).length;
}

/** Mean over all that were asked, 0..1; 0 where nobody was. */
export function meanRewardIn({ rewards }: Pick<StepBody, "rewards">): number {
  return meanOf(rewards) ?? 0;
}
