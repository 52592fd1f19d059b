import type { StepEvent } from "../events/schema.ts";

/** A column of the events, and in one word what a low number in it means. The first of equal ones is named. */
const CAUSES: readonly [column: string, cause: string][] = [
  ["diversity_reward_model", "copied"],
  ["order_filter", "order"],
  ["borrowing_filter", "pieced"],
  ["contradiction_filter", "contrary"],
  ["blacklist_filter", "spam"],
  ["task_validator_filter", "headings"],
  ["form_filter", "form"],
  ["relevance_filter", "off-topic"],
  ["nsfw_filter", "unsafe"],
  ["response_time_filter", "slow"],
  ["fit_filter", "off-task"],
  ["task_fit_reward_model", "off-task"],
];
/** What leaves less than this of a reward is named. */
const LOW = 0.5;

/** What cost one miner of a step its reward, in one word: "order", "copied", "off-topic" …; undefined where nothing did. */
export function causeOfLoss(event: StepEvent, index: number): string | undefined {
  if (event.completion_status_codes[index] !== 200 || event.completions[index] === "") return "silent";
  let least = LOW;
  let cause: string | undefined;
  for (const [column, name] of CAUSES) {
    const factor = (event as Record<string, unknown>)[column];
    const value = Array.isArray(factor) ? factor[index] : undefined;
    if (typeof value !== "number" || value >= least) continue;
    least = value;
    cause = name;
  }
  return cause;
}

/** The commonest of them, with the share of steps that it took: "copied 80 %"; "-" for none. */
export function commonestLoss(causes: ReadonlyMap<string, number>, asked: number): string {
  const [most] = [...causes].sort(([, a], [, b]) => b - a);
  return most === undefined ? "-" : `${most[0]} ${Math.round((100 * most[1]) / asked)} %`;
}
