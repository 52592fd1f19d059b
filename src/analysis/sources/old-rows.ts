import type { Row } from "../../wandb/row.ts";
import type { Identity } from "./run-facts.ts";
import type { EventLine } from "./source.ts";
import { countsOf, numberOf, numbersOf, textOf, textsOf, timeOf } from "./values.ts";

/**
 * A row of openvalidators 1.x has up to four events. Those behind the first have the sequence of the row and so many
 * times this, which no run comes to by its rows.
 */
const PART = 1_000_000_000;
const WEIGHTS_PART = 100;
const SCORES_PART = 101;
/** Of an old answer that came; the old rows do not say why others did not. */
const ANSWERED = 200;
const UNTOLD = 0;

const NAME = /^[a-z]+\d{0,3}$/;
/** One step of the per-step form: `followup_completions`, `answer_completions`. */
const STEP_PREFIX = /^((?:augment|followup|answer)\d{0,3})_completions$/;
/** A column of a reward or a mask. */
const COLUMN = /^[a-z]\w{0,127}$/i;
/** Lists of a row that are no column of rewards, whatever their length. */
const NOT_COLUMNS: ReadonlySet<string> = new Set([
  "uids",
  "hotkeys",
  "completions",
  "completion_times",
  "completion_status_codes",
  "completion_status_messages",
  "times",
  "rewards",
  "set_weights",
  "moving_averaged_scores",
  "gating_scorings",
]);

/** Where a row belongs. */
export interface RowPlace {
  run: string;
  /** Its number within the run: `_step`, or the count of rows where there is no run to count steps in. */
  sequence: number;
  identity: Identity;
}

/** A step of one of the two forms, under the names of the 1.1+ form. */
interface OldStep {
  name: string;
  uids: unknown;
  completions: unknown;
  times: unknown;
  codes: unknown;
  messages: unknown;
  hotkeys: unknown;
  rewards: unknown;
  prompt: string;
  basePrompt: string | null;
  best: string;
  columns: [string, unknown][];
}

/**
 * The events of a row that openvalidators 1.0 to 1.2 logged: its steps, the weights that were set and the moving scores.
 * null in a column stands for NaN there, since the old rows had no other null.
 * @returns undefined when the row has none, or one that is not in its form
 */
export function oldEvents(row: Row, place: RowPlace): EventLine[] | undefined {
  const base = {
    version: 2,
    time: timeOf(row._timestamp),
    ...place.identity,
    block: Math.trunc(numberOf(row.block) ?? 0),
    run: place.run,
  };
  const at = (part: number) => ({ ...base, sequence: place.sequence + part * PART });
  const events: EventLine[] = [];
  const steps = stepsOf(row);
  for (const [part, step] of steps.entries()) {
    const line = stepLine(step, row, steps.length > 1 ? `${place.run}:${place.sequence}` : "");
    if (line === undefined) return undefined;
    events.push({ kind: "step", ...at(part), ...line });
  }
  const weights = weightsOf(row.set_weights);
  if (weights !== undefined) events.push({ kind: "weights", ...at(WEIGHTS_PART), ...weights });
  const scores = numbersOf(row.moving_averaged_scores);
  if (scores !== undefined && scores.length > 0)
    events.push({
      kind: "scores",
      ...at(SCORES_PART),
      hotkeys: textsOf(row.hotkeys)?.length === scores.length ? textsOf(row.hotkeys) : [],
      moving_averaged_scores: scores.map((score) => score ?? 0),
      asked: [],
    });
  return events.length > 0 ? events : undefined;
}

function stepsOf(row: Row): OldStep[] {
  if (Object.hasOwn(row, "completions") && row.completions !== null && row.completions !== "")
    return [
      {
        name: textOf(row, "name") ?? "",
        uids: row.uids,
        completions: row.completions,
        times: row.completion_times,
        codes: row.completion_status_codes,
        messages: row.completion_status_messages,
        hotkeys: row.hotkeys,
        rewards: row.rewards,
        prompt: textOf(row, "prompt") ?? "",
        basePrompt: textOf(row, "base_prompt") ?? null,
        best: textOf(row, "best") ?? "",
        columns: Object.entries(row),
      },
    ];
  const names = Object.keys(row).flatMap((key) => {
    const name = STEP_PREFIX.exec(key)?.[1];
    return name !== undefined && row[key] !== null && row[key] !== "" ? [name] : [];
  });
  return names.sort(byCourse).map((name) => ({
    name,
    uids: row[`${name}_uids`],
    completions: row[`${name}_completions`],
    times: row[`${name}_times`],
    codes: undefined,
    messages: undefined,
    hotkeys: undefined,
    rewards: row[`${name}_rewards`],
    // The first question was asked of the text itself, and its prompt was not logged.
    prompt: textOf(row, `${name}_prompt`) ?? textOf(row, "base_prompt") ?? "",
    basePrompt: textOf(row, "base_prompt") ?? null,
    best: textOf(row, `best_${name}`) ?? "",
    columns: Object.entries(row)
      .filter(([key]) => key.startsWith(`${name}_`))
      .map(([key, value]) => [key.slice(name.length + 1), value]),
  }));
}

/** augment, followup, answer, followup1, answer1, … */
function byCourse(a: string, b: string): number {
  const rank = (name: string): number => {
    const number = Number(/\d+$/.exec(name)?.[0] ?? 0);
    return name.startsWith("augment") ? -1 : 2 * number + (name.startsWith("answer") ? 1 : 0);
  };
  return rank(a) - rank(b);
}

function stepLine(step: OldStep, row: Row, forward: string): EventLine | undefined {
  const uids = countsOf(step.uids);
  const completions = textsOf(step.completions);
  const rewards = numbersOf(step.rewards);
  if (!NAME.test(step.name) || uids === undefined || completions?.length !== uids.length) return undefined;
  if (rewards !== undefined && rewards.length !== uids.length) return undefined;
  const inStep = <T>(list: T[] | undefined, otherwise: () => T[]): T[] =>
    list?.length === uids.length ? list : otherwise();
  const columns = step.columns.flatMap(([name, value]): [string, (number | null)[]][] => {
    const numbers = COLUMN.test(name) && !NOT_COLUMNS.has(name) ? numbersOf(value) : undefined;
    return numbers?.length === uids.length ? [[name, numbers]] : [];
  });
  const isEmpty = (completion: string): boolean => completion === "";
  return {
    step: null,
    name: step.name,
    task: step.name.replace(/\d+$/, ""),
    origin: "dataset",
    forward,
    step_length: numberOf(row.step_length) ?? null,
    stages: null,
    inference: null,
    prompt: step.prompt,
    base_prompt: step.basePrompt,
    uids,
    hotkeys: inStep(textsOf(step.hotkeys), () => []),
    completions,
    completion_times: inStep(
      numbersOf(step.times)?.map((seconds) => seconds ?? 0),
      () => [],
    ),
    completion_status_codes: inStep(countsOf(step.codes), () =>
      completions.map((completion) => (isEmpty(completion) ? UNTOLD : ANSWERED)),
    ),
    completion_status_messages: inStep(textsOf(step.messages), () => completions.map(() => "")),
    rewards: rewards?.map((reward) => reward ?? 0) ?? [],
    gating_loss: numberOf(row.gating_loss) ?? null,
    best: step.best,
    nan_columns: columns.filter(([, values]) => values.includes(null)).map(([name]) => name),
    counted: true,
    cause: null,
    ...Object.fromEntries(columns),
  };
}

/**
 * [[uid, weight], …] of an old row. The chain got each as its share of the largest in u16, which is what `values` has.
 * @returns undefined for anything else
 */
function weightsOf(value: unknown): EventLine | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const pairs: [number, number][] = [];
  for (const one of value) {
    const [uid, weight, ...more] = numbersOf(one) ?? [];
    if (typeof uid !== "number" || typeof weight !== "number" || more.length > 0) return undefined;
    if (!Number.isSafeInteger(uid) || uid < 0 || weight < 0) return undefined;
    pairs.push([uid, weight]);
  }
  const largest = pairs.reduce((most, [, weight]) => Math.max(most, weight), 0);
  return {
    state: "included",
    path: null,
    uids: pairs.map(([uid]) => uid),
    values: pairs.map(([, weight]) => (largest > 0 ? Math.round((weight / largest) * 65_535) : 0)),
    set_weights: pairs,
    reveal_round: null,
    extrinsic: null,
    reason: null,
    error: null,
    blocks_left: null,
  };
}
