import { type ColumnKind, kindsOfColumns, shortColumn, tookSomething } from "../../events/column-kinds.ts";
import type { Answer } from "./answers.ts";

/** One column of an answer, in plain words. */
export interface ColumnVerdict {
  /** As the journal has it, so it may be a stranger's; `shortColumn` makes it printable. */
  column: string;
  kind: ColumnKind;
  /** As the journal has it; null where the part gave none. */
  raw: number | null;
  /** Models: share of the best, 0..1. Masks and penalties: the factor, 0..1. null for shadow columns. */
  value: number | null;
  /** The same, over the others of the step. */
  typical: number | null;
  words: string;
  /** Whether this lowered the reward, or left it below the others. */
  isCost: boolean;
}

export interface Why {
  /** One or two sentences. */
  summary: string;
  /** Models, then masks, then penalties, then shadow columns. */
  columns: ColumnVerdict[];
}

/** What it says of an answer that a mask took something of it. */
const MASK_WORDS: Readonly<Record<string, string>> = {
  blacklist_filter: "it holds a phrase that is listed as spam",
  ngram_blacklist_filter: "it repeats phrases that many answers had before",
  task_validator_filter: "it carries headings of another task",
  form_filter: "it has not the form of what was asked for",
  order_filter: "its words are out of order",
  borrowing_filter: "it is pieced together from the text",
  contradiction_filter: "it says the contrary of a sentence of the text, or another number",
  fit_filter: "it does little of what was asked",
  relevance_filter: "it has too little to do with the prompt",
  diversity_reward_model: "it is too much like other answers, or like its earlier ones",
  nsfw_filter: "a classifier took it for hateful or unsafe text",
  response_time_filter: "it took its time",
};

/** Below this share of what the others got, a model counts as what held the answer back. */
const CLEARLY_LESS = 0.9;
const ORDER: readonly ColumnKind[] = ["model", "mask", "penalty", "shadow"];

/** Why an answer earned what it earned, worked out of its columns alone. Pure. */
export function explainAnswer(answer: Answer): Why {
  const columns = verdictsOf(answer);
  return { summary: summaryOf(answer, columns), columns };
}

function verdictsOf({ columns, step }: Answer): ColumnVerdict[] {
  const kinds = [...kindsOfColumns(Object.keys(columns))].filter(([, kind]) => kind !== "detail");
  const verdicts = kinds.map(([column, kind]): ColumnVerdict => {
    const raw = columns[column] ?? null;
    const counted = kind === "model" ? `${column}_normalized` : column;
    const value = kind === "shadow" ? null : (columns[counted] ?? null);
    const typical = kind === "shadow" ? null : (step.means[counted] ?? null);
    const isCost =
      kind === "model"
        ? value !== null && typical !== null && value < typical * CLEARLY_LESS
        : kind !== "shadow" && value !== null && tookSomething(value);
    return { column, kind, raw, value, typical, isCost, words: wordsOf(column, kind, value, typical) };
  });
  return verdicts.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function wordsOf(column: string, kind: ColumnKind, value: number | null, typical: number | null): string {
  if (kind === "shadow") return "counts for nothing";
  if (value === null) return "gave no number";
  if (kind === "model") {
    if (typical === null) return `gave it ${percent(value)}`;
    const side =
      value < typical * CLEARLY_LESS
        ? "less than"
        : value * CLEARLY_LESS > typical
          ? "more than"
          : "about as";
    return `gave it ${percent(value)}, ${side} the others (${percent(typical)})`;
  }
  if (!tookSomething(value)) return "took nothing";
  const reason = kind === "mask" ? MASK_WORDS[column] : undefined;
  const taken = value <= 0 ? "took everything" : `took ${percent(1 - value)} of the reward`;
  return reason === undefined ? taken : `${taken}: ${reason}`;
}

function summaryOf(answer: Answer, columns: ColumnVerdict[]): string {
  const { step, status, message, reward, place, completion } = answer;
  if (!step.counted) return `This step did not count${step.cause === null ? "" : `: ${step.cause}`}.`;
  if (status !== 200)
    return `It gave no answer (${status}${message === "" ? "" : `, ${message}`}), and no answer earns 0.`;
  if (completion === "") return "It answered with no usable text, which earns 0.";
  const standing = `place ${place} of ${step.asked}, mean ${number(step.meanReward)}, best ${number(step.bestReward)}`;
  if (columns.length === 0) return `It earned ${number(reward)} (${standing}); columns are not recorded.`;
  const factors = columns.filter(({ kind, isCost }) => (kind === "mask" || kind === "penalty") && isCost);
  const zero = factors.filter(({ value }) => value === 0);
  if (zero.length > 0) return `It earned 0: ${listed(zero.map(named))}.`;
  const left = factors.reduce((product, { value }) => product * value!, 1);
  const models = columns.filter(({ kind, isCost }) => kind === "model" && isCost);
  const parts = [`It earned ${number(reward)} (${standing}).`];
  if (factors.length > 0)
    parts.push(`Masks and penalties left ${percent(left)} of it: ${listed(factors.map(named))}.`);
  if (models.length > 0) parts.push(`Judged below the others: ${listed(models.map(named))}.`);
  if (factors.length + models.length === 0) parts.push("Nothing held it back.");
  return parts.join(" ");
}

function named({ column, words }: ColumnVerdict): string {
  return `${shortColumn(column)} ${words}`;
}

/** Score and history of a miner in plain words; `score` is the moving average, null while it is not known. */
export function explainScore(score: number | null, answers: readonly Answer[]): string {
  const counted = answers.filter(({ step }) => step.counted);
  if (counted.length === 0)
    return "It was not asked in what is known here, so nothing is known of its rewards.";
  const mean = counted.reduce((sum, { reward }) => sum + reward, 0) / counted.length;
  const missing = counted.filter(({ status }) => status !== 200).length;
  const history = `its last ${counted.length} rewards have the mean ${number(mean)}`;
  const silent =
    missing === 0 ? "" : `; it gave no answer to ${missing} of these ${counted.length} questions`;
  if (score === null) return `Its score is not known here; ${history}${silent}.`;
  const trend =
    Math.abs(mean - score) <= Math.max(0.005, score * 0.05)
      ? "steady"
      : mean > score
        ? "rising towards them"
        : "falling towards them";
  return `Its score is ${number(score)}, a moving average of its rewards; ${history}, so the score is ${trend}${silent}.`;
}

function listed(parts: readonly string[]): string {
  return parts.join("; ");
}

function number(value: number): string {
  return String(Number(value.toFixed(4)));
}

/** Nothing and all are told of nothing and all alone. */
function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "under 0.1 %";
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)} %`;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)} %`;
}
