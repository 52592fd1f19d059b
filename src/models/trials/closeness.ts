import { Failure } from "../../base/error.ts";
import { rankCorrelation } from "../../base/rank-correlation.ts";
import type { ModelCode } from "../failure.ts";
import type { Agreement, Dtype } from "../manifest.ts";
import type { TrialKind } from "./questions.ts";

/** What a model gave for each question: a vector, rows of logits in a row, or one log-probability. */
export type Answers = readonly (readonly number[])[];

/** With fewer, one pair that changes places is half of the correlation. */
const FEWEST_SCORES = 8;
/** The least rank correlation with fp32 of a form that judges as the model does. Below it the form is made wrongly. */
export const LEAST_RANKS: Readonly<Record<Dtype, number>> = {
  fp32: 1,
  fp16: 0.99,
  q8: 0.97,
  q4: 0.93,
  q4f16: 0.93,
};

/**
 * How near a form comes to fp32.
 * @param labels of a model that classifies
 * @throws Failure `model.unsupported` for a form that is too far from it, or gives numbers that are none
 */
export function agreementOf(
  { id, dtype, kind, labels }: { id: string; dtype: Dtype; kind: TrialKind; labels: number },
  truth: Answers,
  found: Answers,
): Agreement {
  checkNumbers(id, dtype, found, truth);
  const [scores, own] = [truth, found].map((answers) => scoresOf(kind, answers, labels));
  const counted = scores!.map((list) => [...list.keys()].filter((at) => Number.isFinite(list[at])));
  const fewest = Math.min(...counted.map(({ length }) => length));
  if (fewest < FEWEST_SCORES) return { unmeasured: `only ${fewest} of the texts fit into the model` };
  let least = 1;
  for (const [column, places] of counted.entries()) {
    const theirs = places.map((at) => scores![column]![at]!);
    if (new Set(theirs).size === 1) return { unmeasured: "fp32 gives the same for all texts" };
    const ours = places.map((at) => own![column]![at]!);
    least = Math.min(least, rankCorrelation(theirs, ours) ?? 0);
  }
  if (least < LEAST_RANKS[dtype])
    throw wrongForm(
      id,
      dtype,
      `ranks texts as fp32 does to ${least.toFixed(3)} only, and ${LEAST_RANKS[dtype]} is asked for`,
    );
  return {
    comparedWith: "fp32, on this program's texts",
    texts: truth.length,
    rankCorrelation: Number(least.toFixed(5)),
    maxError: Number(largestError(truth, found).toPrecision(3)),
  };
}

/**
 * Weights that are all zero, or lack their head, make a graph that runs and judges nothing.
 * @throws Failure `model.unsupported` where fp32 gives one number for all texts
 */
export function checkVaries(
  { id, kind, labels }: { id: string; kind: TrialKind; labels: number },
  truth: Answers,
): void {
  const columns = scoresOf(kind, truth, labels).map((list) => list.filter(Number.isFinite));
  // A single number, of the only text that fits into the model, varies with none.
  if (columns.some((scores) => scores.length < 2 || new Set(scores).size > 1)) return;
  throw wrongForm(
    id,
    "fp32",
    "gives the same for all texts: these weights were never trained, or are not all there",
  );
}

/**
 * @param truth where a number may be infinite: nothing was scored there
 * @throws Failure `model.unsupported`
 */
export function checkNumbers(id: string, dtype: Dtype, found: Answers, truth?: Answers): void {
  const wrong = found.findIndex((numbers, at) =>
    numbers.some((number, column) =>
      truth === undefined
        ? Number.isNaN(number) || number === Number.POSITIVE_INFINITY
        : Number.isFinite(number) !== Number.isFinite(truth[at]![column]),
    ),
  );
  if (wrong >= 0)
    throw wrongForm(id, dtype, `gives ${found[wrong]!.find((n) => !Number.isFinite(n))} for a text`);
}

function wrongForm(id: string, dtype: Dtype, what: string): Failure<ModelCode> {
  return new Failure<ModelCode>("model.unsupported", {
    message: `the form ${dtype} of ${id} ${what}`,
    hint: "it is not kept: choose another form with --dtype",
  });
}

/** Lists of scores whose order counts: of each label, or one of all pairs of vectors. */
function scoresOf(kind: TrialKind, answers: Answers, labels: number): number[][] {
  if (kind === "embedding") return [cosines(answers)];
  const columns = kind === "language" ? 1 : labels;
  return Array.from({ length: columns }, (_, label) =>
    answers.flatMap((numbers) => numbers.filter((_, at) => at % columns === label)),
  );
}

function cosines(vectors: Answers): number[] {
  const lengths = vectors.map((vector) => Math.hypot(...vector));
  return vectors.flatMap((a, at) =>
    vectors.slice(0, at).map((b, other) => {
      let product = 0;
      for (const [place, number] of a.entries()) product += number * b[place]!;
      return product === 0 ? 0 : product / (lengths[at]! * lengths[other]!);
    }),
  );
}

function largestError(truth: Answers, found: Answers): number {
  let most = 0;
  for (const [at, numbers] of truth.entries())
    for (const [column, number] of numbers.entries())
      if (Number.isFinite(number)) most = Math.max(most, Math.abs(number - found[at]![column]!));
  return most;
}
