import { meanOf } from "../../base/mean.ts";
import { printable } from "../../base/text.ts";
import type { AnyStep } from "../../events/reader.ts";
import { answeredIn, meanRewardIn } from "../../events/step-figures.ts";

/** What one step was, for all its miners. Its texts are printable: a journal may come from a stranger. */
export interface AskedStep {
  /** ISO 8601. */
  time: string;
  block: number;
  /** Running number since the state was made; null in a journal of version 1. */
  step: number | null;
  /** augment, followup0, answer0, … */
  name: string;
  /** Printable, at most 200 characters. */
  prompt: string;
  counted: boolean;
  /** Why it did not count, one sentence; null when it did. */
  cause: string | null;
  asked: number;
  answered: number;
  /** Of all asked, 0..1. */
  meanReward: number;
  bestReward: number;
  /** Mean of each column over those that have a number in it. */
  means: Record<string, number | null>;
}

/** What one miner did in one step, and what it earned. */
export interface Answer {
  step: AskedStep;
  /** Printable. */
  hotkey: string;
  /** HTTP-like: 200 is an answer. */
  status: number;
  /** Printable, at most 200 characters: what the miner or the connection said. */
  message: string;
  seconds: number;
  /** 0..1. */
  reward: number;
  /** 1 = the best reward of the step. */
  place: number;
  /** Raw numbers of models, masks and penalties as the journal has them, by names that are not printable; null where there is none. */
  columns: Record<string, number | null>;
  /** Printable, at most 300 characters; empty when there is none. */
  completion: string;
}

const MAX_COMPLETION = 300;
const MAX_LINE = 200;
const MAX_NAME = 40;
/** An SS58 address has 48. */
export const MAX_HOTKEY = 64;

/** What of a step its answers are made of. */
export type StepOfAnswers = Pick<
  AnyStep,
  | "time"
  | "block"
  | "step"
  | "name"
  | "prompt"
  | "counted"
  | "cause"
  | "uids"
  | "hotkeys"
  | "completions"
  | "completion_times"
  | "completion_status_codes"
  | "completion_status_messages"
  | "rewards"
>;

/** The answers of a step, in the order of its `uids`. @param byName its columns, in step with `uids` */
export function answersOf(
  event: StepOfAnswers,
  byName: Readonly<Record<string, (number | null)[]>>,
): Answer[] {
  const columns = Object.entries(byName);
  const step = stepFacts(event, columns);
  return event.uids.map((_, row) => {
    const reward = event.rewards[row] ?? 0;
    return {
      step,
      hotkey: printable(event.hotkeys[row] ?? "", MAX_HOTKEY),
      status: event.completion_status_codes[row] ?? 0,
      message: oneLine(event.completion_status_messages[row] ?? "", MAX_LINE),
      seconds: event.completion_times[row] ?? 0,
      reward,
      place: 1 + event.rewards.filter((other) => other > reward).length,
      columns: Object.fromEntries(columns.map(([name, values]) => [name, values[row] ?? null])),
      completion: oneLine(event.completions[row] ?? "", MAX_COMPLETION),
    };
  });
}

function stepFacts(event: StepOfAnswers, columns: [string, (number | null)[]][]): AskedStep {
  const { rewards } = event;
  return {
    time: oneLine(event.time, MAX_NAME),
    block: event.block,
    step: event.step,
    name: oneLine(event.name, MAX_NAME),
    prompt: oneLine(event.prompt, MAX_LINE),
    counted: event.counted,
    cause: event.cause === null ? null : oneLine(event.cause, MAX_LINE),
    asked: event.uids.length,
    answered: answeredIn(event),
    meanReward: meanRewardIn(event),
    bestReward: Math.max(0, ...rewards),
    means: Object.fromEntries(columns.map(([name, values]) => [name, meanOf(values)])),
  };
}

/** A new string: a slice would keep the whole of a miner's text in memory. */
function oneLine(text: string, maxCharacters: number): string {
  return printable(
    text
      .slice(0, maxCharacters * 4)
      .replace(/\s+/g, " ")
      .trim(),
    maxCharacters,
  );
}
