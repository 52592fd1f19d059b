import { type Earned, earnedBy, type Factor } from "../../analysis/insight/factors.ts";
import { type ToldStep, toldSteps } from "../../analysis/insight/told-steps.ts";
import { cellText } from "../../analysis/report/section.ts";
import type { Wanted } from "../../analysis/views/lines.ts";
import { Failure } from "../../base/error.ts";
import { jsonText, printable } from "../../base/text.ts";
import { nameOf } from "../../config/option.ts";
import { shortColumns } from "../../events/column-kinds.ts";
import { activeRewards } from "../../rewards/roles.ts";
import { type Answer, answersOf } from "../../telemetry/live/answers.ts";
import { explainAnswer } from "../../telemetry/live/why.ts";
import { readWeights, type WeightSettings } from "../../validator/open-judge.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth, wrapped } from "../fit.ts";
import { openEvents } from "../open-events.ts";
import { fittedTable, noRoomText } from "../table.ts";

export type ExplainCode = "explain.bad-word" | "explain.not-found";

/** Answers of one miner that are told, the newest. */
const SHOWN_ANSWERS = 3;
/** Steps of one number, from different validators. */
const SHOWN_STEPS = 3;

const INDENT = "  ";
/** Of the columns about a factor, which goes first where there is no room. */
const FACTOR_SPARE = [4, 0, 2, 1, 0, 3, 0];
const ALL_BY_JSON = "--json has all";

/** One answer with how its reward came about. */
interface ToldAnswer {
  uid: number;
  answer: Answer;
  earned: Earned;
  /** By the name of the column: its mean over the step's answers. */
  others: Readonly<Record<string, number | null>>;
}

/** Tells factor by factor why answers earned what they earned, against the others of the step. */
export async function explain(context: CommandContext): Promise<number> {
  const { wanted, sources } = wantedOf(context.words ?? []);
  const newest = "uid" in wanted ? SHOWN_ANSWERS : SHOWN_STEPS;
  const opened = await openEvents(context, sources, { only: { wanted, newest } });
  let steps: ToldStep[];
  try {
    steps = await toldSteps(opened.warehouse, wanted, newest);
  } finally {
    opened.close();
  }
  if (steps.length === 0)
    throw new Failure<ExplainCode>("explain.not-found", {
      message: "uid" in wanted ? `no step asked the miner ${wanted.uid}` : `there is no step ${wanted.step}`,
      hint: 'openvalidator miners shows who was asked, openvalidator query "SELECT max(step) FROM steps" the last step',
    });
  const told = steps.map((step) => ({ step, answers: answersIn(step) }));
  const only = told.map(({ step, answers }) => ({
    step,
    answers: "uid" in wanted ? answers.filter(({ uid }) => uid === wanted.uid) : answers,
  }));
  const width = screenWidth(context.environment) ?? Number.POSITIVE_INFINITY;
  if (context.flags.json === "true") context.print(`${jsonText({ steps: only.map(jsonOf) }, 2)}\n`);
  else
    for (const one of only)
      context.print("uid" in wanted ? minerText(one.answers, width) : stepText(one.step, one.answers, width));
  return EXIT.ok;
}

/** @throws Failure `explain.bad-word` */
function wantedOf([first = "", ...rest]: readonly string[]): {
  wanted: Wanted;
  sources: readonly string[];
} {
  const [number, ...sources] = first === "step" ? rest : [first, ...rest];
  if (number === undefined || !/^\d{1,12}$/.test(number))
    throw new Failure<ExplainCode>("explain.bad-word", {
      message: `${first === "step" ? "a step is told by its number" : "a miner is told by its uid, a step by the word step and its number"}, not by "${printable(number ?? "")}"`,
      hint: "for example: openvalidator explain 7, or openvalidator explain step 1200",
    });
  return { wanted: first === "step" ? { step: Number(number) } : { uid: Number(number) }, sources };
}

function answersIn(step: ToldStep): ToldAnswer[] {
  const weights = weightsOf(step);
  return answersOf(step, step.columns).map((answer, row) => ({
    uid: step.uids[row]!,
    answer,
    earned: earnedBy(answer.columns, answer.reward, weights),
    others: answer.step.means,
  }));
}

/** Weights of the reward models in that run, with the sum 1; undefined where its profile is not known here. */
function weightsOf({ settings }: ToldStep): Record<string, number> | undefined {
  if (settings === null) return undefined;
  const named = Object.fromEntries(
    Object.entries(settings).map(([flag, { value }]) => [nameOf(flag), value ?? undefined]),
  ) as unknown as WeightSettings;
  try {
    const { profile, weights } = readWeights(named);
    const active = activeRewards(profile, weights);
    const sum = active.reduce((total, { weight }) => total + weight, 0);
    return Object.fromEntries(active.map(({ name, weight }) => [name, weight / sum]));
  } catch (error) {
    // A profile of the operator's that is not on this machine: the rest can be told without.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function jsonOf({ step, answers }: { step: ToldStep; answers: readonly ToldAnswer[] }) {
  const { run, time, block, name, prompt } = step;
  return {
    run,
    step: step.step,
    time,
    block,
    name,
    prompt,
    answers: answers.map(({ uid, answer, earned }) => ({
      uid,
      hotkey: answer.hotkey,
      status: answer.status,
      reward: answer.reward,
      place: answer.place,
      completion: answer.completion,
      summary: explainAnswer(answer).summary,
      ...earned,
    })),
  };
}

function minerText(answers: readonly ToldAnswer[], width: number): string {
  return answers
    .map((told) => `${wrapped(headOf(told), width)}\n${indent(bodyOf(told, width - INDENT.length))}\n`)
    .join("");
}

function headOf({ uid, answer: { step, hotkey, status, seconds, reward } }: ToldAnswer): string {
  const number = step.step === null ? "" : `step ${step.step} `;
  const miner = `uid ${uid}, ${printable(hotkey.slice(0, 8), 16)}…`;
  return `${number}${printable(step.name, 40)} at ${printable(step.time, 40)}: ${miner}, status ${status}, ${seconds.toFixed(2)} s, reward ${reward.toFixed(4)}`;
}

function bodyOf(told: ToldAnswer, width: number): string {
  const { answer, earned } = told;
  const { step, completion } = answer;
  const lines = [explainAnswer(answer).summary, `Asked: ${step.prompt}`];
  if (completion !== "") lines.push(`Answer: ${completion}`);
  const words = lines.map((line) => wrapped(line, width));
  if (!step.counted || completion === "" || earned.factors.length === 0) return words.join("\n");
  const titleOf = titlesOf(earned);
  const rows = earned.factors.map((factor, at) => [
    at + 1,
    titleOf(factor.name),
    factor.kind === "model" ? modelWords(factor) : factor.kind,
    digits(answer.columns[factor.kind === "model" ? factor.name : rawOf(factor)] ?? null),
    digits(factor.value),
    digits(told.others[factor.kind === "model" ? `${factor.name}_normalized` : factor.name] ?? null),
    digits(factor.after),
  ]);
  const { text, gone } = fittedTable(
    ["", "factor", "is", "raw", "counts", "step's mean", "reward so far"],
    rows,
    { width, spare: (at) => FACTOR_SPARE[at]!, right: new Set([3, 4, 5, 6]) },
  );
  const missing = noRoomText(
    gone.filter((title) => title !== ""),
    ALL_BY_JSON,
    width,
  );
  return [...words, text.trimEnd(), `${missing}${wrapped(productWords(earned), width)}`].join("\n");
}

/** Columns are named by the source, which may be a stranger's. */
function titlesOf({ factors }: Earned): (name: string) => string {
  const short = shortColumns(factors.map(({ name }) => name));
  return (name) => printable(short(name), 40);
}

/** Of a penalty, the number before it was bounded. */
function rawOf({ name }: Factor): string {
  return name.replace(/_applied$/, "_raw");
}

function modelWords({ weight }: Factor): string {
  return weight === null ? "model" : `model, ${cellText(weight, "share")}`;
}

/** The sum and the product written out, and whether they are what the journal has. */
function productWords({ factors, computed, recorded, agrees, impliedModels }: Earned): string {
  const models = factors.filter(({ kind }) => kind === "model");
  const others = factors.filter(({ kind }) => kind !== "model");
  const product = others.map(({ value }) => ` × ${trimmed(value ?? 0)}`).join("");
  if (computed === null) {
    const implied =
      impliedModels === null ? "" : `; from the reward the models together gave ${trimmed(impliedModels)}`;
    return `The profile of this run is not known here, so the models' weights are not${implied}.`;
  }
  const sum = models.map(({ weight, value }) => `${trimmed(weight!)} × ${trimmed(value ?? 0)}`).join(" + ");
  const left =
    others.length === 0
      ? sum
      : `${models.length > 1 ? `(${sum})` : models.length === 1 ? sum : "1"}${product}`;
  const end = agrees
    ? "as recorded"
    : `but ${trimmed(recorded)} is recorded: the weights, masks or penalties of that run were others than its settings tell`;
  return `${left} = ${trimmed(computed)}, ${end}.`;
}

function stepText(step: ToldStep, answers: readonly ToldAnswer[], width: number): string {
  const [first] = answers;
  if (first === undefined) return `Step ${step.step} asked nobody.\n`;
  const { asked, answered, meanReward, bestReward, prompt, counted, cause } = first.answer.step;
  const names = first.earned.factors.map(({ name }) => name);
  const head = `Step ${step.step} ${printable(step.name, 40)} at ${printable(step.time, 40)}, block ${step.block}: ${answered} of ${asked} answered, mean reward ${meanReward.toFixed(4)}, best ${bestReward.toFixed(4)}`;
  const words = counted ? [] : [`It did not count${cause === null ? "" : `: ${printable(cause)}`}.`];
  const rows = answers
    .toSorted((a, b) => b.answer.reward - a.answer.reward || a.uid - b.uid)
    .map(({ uid, answer, earned }) => [
      answer.place,
      uid,
      answer.status,
      ...names.map((name) => digits(earned.factors.find((factor) => factor.name === name)?.value ?? null)),
      digits(answer.reward),
      agreementWords(earned),
    ]);
  const titleOf = titlesOf(first.earned);
  const titles = names.map((name, at) => {
    const { kind, weight } = first.earned.factors[at]!;
    return kind === "model" && weight !== null
      ? `${titleOf(name)} ${cellText(weight, "share")}`
      : titleOf(name);
  });
  const right = new Set([...names.keys()].map((at) => at + 3).concat(names.length + 3));
  const header = ["place", "uid", "status", ...titles, "reward", "multiplies out"];
  // What multiplies out is told of the whole product; single factors go before it.
  const spare = (at: number): number => (at === 2 ? 1 : at > 2 && at < names.length + 3 ? at : 0);
  const { text, gone } = fittedTable(header, rows, { width, spare, right });
  const lines = [head, ...words, `Asked: ${prompt}`].map((line) => wrapped(line, width));
  return `${[...lines, text].join("\n")}${noRoomText(gone, ALL_BY_JSON, width)}\n`;
}

function agreementWords({ computed, agrees }: Earned): string {
  if (agrees === null) return "weights not known";
  return agrees ? "yes" : `no, to ${digits(computed)}`;
}

function digits(value: number | null): string {
  return cellText(value, "reward");
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(4)));
}

function indent(text: string): string {
  return text.replace(/^/gm, INDENT);
}
