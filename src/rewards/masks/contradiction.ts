import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import type { Mask } from "../parts.ts";
import { readingOf } from "../reading.ts";
import { type Run, RunSource } from "./borrowed-runs.ts";

/** What one place leaves of a reward, and how many places count. */
const LEFT = { factor: 0.1, most: 3 } as const;
/** Words of a run that is surely a quotation, and words that may stand between it and the next one. */
const QUOTED_WORDS = 3;
const BETWEEN_WORDS = 3;
const NEGATION = /^(?:not|no|never|neither|nor|none|without|cannot|.+n't)$/;
const NUMBER = /^\p{N}/u;
/** Words of a quotation that is as good as a sentence, and those of the text that may stand before it there. */
const TOLD = { words: 6, opening: 2 } as const;
/** What takes back the rest of its sentence: two of them do not ("no one doubts that"). */
const DENIAL =
  /^(?:not|no|never|neither|none|nobody|nothing|hardly|without|cannot|.+n't|false|falsely|untrue|wrong|wrongly|incorrect|myth|fiction|lie|lies|mistaken|mistake|misconception|error|opposite|contrary|reverse|unlikely|nonsense|absurd|den(?:y|ies|ied)|doubt(?:s|ed|ful)?|disproved?|refute[sd]?|reject(?:s|ed)?)$/;
/** After these a denial takes back nothing: "not only", "no wonder". */
const NO_DENIAL = /^(?:only|just|merely|wonder|surprise|surprisingly|least|question)$/;

/**
 * 1, and little for a completion that repeats a sentence of the text with a negation put in or left out, or with another
 * number: an encoder finds it as near as the sentence itself. What says the contrary in words of its own is not seen.
 */
export class ContradictionMask implements Mask {
  readonly name = "contradiction_filter";

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const reading = readingOf(question);
    if (reading === undefined) return completions.map(() => 1);
    const source = new RunSource(reading.source);
    return await mapInTurns(
      completions,
      (text) => LEFT.factor ** Math.min(LEFT.most, contradictions(source, text)),
    );
  }
}

/**
 * Places of a completion where a quotation goes on after a negation, or the lack of one, or another number, or stands behind
 * words that take it back ("it is a myth that").
 */
export function contradictions(source: RunSource, completion: string): number {
  let count = 0;
  for (const runs of source.runsOf(completion))
    for (const [at, run] of runs.entries())
      if (
        run.length >= QUOTED_WORDS &&
        (isTurned(source, runs, at) ||
          hasOtherNumber(source, run, runs[at + 1]) ||
          isDenied(run, runs.slice(0, at)))
      )
        count++;
  return count;
}

function isTurned(source: RunSource, runs: readonly Run[], at: number): boolean {
  const said: string[] = [];
  for (const next of runs.slice(at + 1)) {
    const left = next.length < 2 ? [] : source.leftOut(runs[at]!, next, BETWEEN_WORDS);
    // A place where the text goes on just so is no contradiction, whatever other places say.
    if (left.length > 0) return left.every((words) => isContrary(said, words));
    said.push(...next.words);
    if (said.length > BETWEEN_WORDS) return false;
  }
  return false;
}

/** Whether a quotation that begins where a sentence of the text does stands behind words that say that it is not so. */
function isDenied({ length, places }: Run, before: readonly Run[]): boolean {
  if (length < TOLD.words || places.every(({ at }) => at > TOLD.opening)) return false;
  const said = before.flatMap(({ words }) => words);
  // An answer to what can be answered so.
  if (said.join(" ") === "no") return false;
  const denials = said.filter((word, at) => DENIAL.test(word) && !NO_DENIAL.test(said[at + 1] ?? ""));
  return denials.length % 2 === 1;
}

function isContrary(said: readonly string[], written: readonly string[]): boolean {
  const negations = (words: readonly string[]): number => words.filter((word) => NEGATION.test(word)).length;
  const numbers = said.filter((word) => NUMBER.test(word));
  return negations(said) !== negations(written) || numbers.some((number) => !written.includes(number));
}

/** Whether a number follows that is not the one of the text, at the end of what is quoted. */
function hasOtherNumber(source: RunSource, run: Run, next: Run | undefined): boolean {
  const [said] = next?.words ?? [];
  if (said === undefined || !NUMBER.test(said)) return false;
  const written = source.following(run);
  return !written.includes(said) && written.some((word) => NUMBER.test(word));
}
