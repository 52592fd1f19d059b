import texts from "../../../models/trials/texts.json";
import type { GoldenCase, ModelManifest } from "../manifest.ts";

/** What a model is asked: the same of all forms, and of one kind for one model. */
export type TrialQuestion =
  | { text: string }
  /** In pieces of the model's limit. */
  | { pieces: string }
  | { pair: [first: string, second: string] }
  | { prompt: string; completion: string };

export type TrialKind = "embedding" | "classification" | "language";

export function trialKindOf({ embedding, classification }: TrialManifest): TrialKind {
  if (embedding !== undefined) return "embedding";
  return classification === undefined ? "language" : "classification";
}

type TrialManifest = Pick<ModelManifest, "embedding" | "classification" | "language">;
type Pair = [prompt: string, answer: string];

/** Of the texts, those whose numbers are kept for each load: of a few words, of a sentence or two, with rare characters. */
const GOLDEN = [1, 0, 27];
/** How many numbers of a vector tell one from another. */
const FIRST = 8;
const DIGITS = 7;

/** Prompts and answers of all sorts, the last one longer than most answers are. */
const PAIRS: readonly Pair[] = [...texts.pairs, texts.long] as Pair[];

/** What a model is asked to see how near its forms come to each other, in an order that does not change. */
export function trialQuestions(manifest: TrialManifest): TrialQuestion[] {
  return PAIRS.map((pair) => questionOf(manifest, pair));
}

/** The few of them that are asked whenever the model is loaded, among them the longest. */
export function goldenQuestions(manifest: TrialManifest): TrialQuestion[] {
  return [...GOLDEN, PAIRS.length - 1].map((at) => questionOf(manifest, PAIRS[at]!));
}

function questionOf(manifest: TrialManifest, [prompt, answer]: Pair): TrialQuestion {
  const { embedding, classification } = manifest;
  if (embedding !== undefined) return { text: answer };
  if (classification === undefined) return { prompt, completion: answer };
  // Several labels are those of a text, such as hate; one is a reward, of an answer to a prompt.
  return classification.labels.length > 1 ? { pieces: answer } : { pair: [prompt, answer] };
}

/** A question with what came out, as a manifest keeps it. @param labels of a model that classifies */
export function goldenCaseOf(
  question: TrialQuestion,
  numbers: readonly number[],
  labels: number,
): GoldenCase | undefined {
  const rounded = numbers.map((number) => Number(number.toPrecision(DIGITS)));
  if ("text" in question) return { ...question, first8: rounded.slice(0, FIRST) };
  if ("completion" in question) {
    const [logProb] = rounded;
    // A prompt that fills the model leaves nothing to score.
    return Number.isFinite(logProb) ? { ...question, logProb: logProb! } : undefined;
  }
  const logits = Array.from({ length: rounded.length / labels }, (_, row) =>
    rounded.slice(row * labels, (row + 1) * labels),
  );
  return { ...question, logits };
}
