import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import { sentencesOf } from "../../prompts/sentences.ts";
import type { Mask } from "../parts.ts";
import { readingOf } from "../reading.ts";
import { type Run, RunSource } from "./borrowed-runs.ts";
import { isTakenBack } from "./denial.ts";

/** What one place leaves of a reward, and how many places count. */
const LEFT = { factor: 0.1, most: 3 } as const;
/** Words of a run that is surely a quotation, and words that may stand between it and the next one. */
const QUOTED_WORDS = 3;
const BETWEEN_WORDS = 3;
const NEGATION =
  /^(?:not|no|never|neither|nor|none|nobody|nothing|without|cannot|hardly|scarcely|barely|rarely|seldom|.*n't|(?:is|are|was|were|do|does|did|could|should|would|must|has|have|had)nt)$/;
const NUMBER = /^\p{N}/u;
/** Numbers in words, by their value. */
const SPELLED =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(
    " ",
  );
/** Words of a quotation that is as good as a sentence, and those of the text that may stand before it there. */
const TOLD = { words: 6, opening: 2 } as const;

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
  for (const sentence of sentencesOf(completion)) {
    const runs = source.runsIn(sentence);
    let before = 0;
    for (const [at, run] of runs.entries()) {
      if (
        run.length >= QUOTED_WORDS &&
        (isTurned(source, runs, at) ||
          hasOtherNumber(source, run, runs[at + 1]) ||
          (isTold(run) && isTakenBack(sentence, before)))
      )
        count++;
      before += run.length;
    }
  }
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

/** Whether a quotation begins where a sentence of the text does, and is as good as one. */
function isTold({ length, places }: Run): boolean {
  return length >= TOLD.words && places.some(({ at }) => at <= TOLD.opening);
}

function isContrary(said: readonly string[], written: readonly string[]): boolean {
  const negations = (words: readonly string[]): number => words.filter((word) => NEGATION.test(word)).length;
  return (
    negations(said) !== negations(written) ||
    said.some((word) => NUMBER.test(word) && isOtherNumber(word, written))
  );
}

/** Whether a number follows that is not the one of the text, at the end of what is quoted. */
function hasOtherNumber(source: RunSource, run: Run, next: Run | undefined): boolean {
  const [said] = next?.words ?? [];
  if (said === undefined || !NUMBER.test(said)) return false;
  const written = source.following(run);
  return written.some((word) => NUMBER.test(word) || isSpelled(word)) && isOtherNumber(said, written);
}

/** Whether a number in digits is none of these words, unless it is too large to be looked for where some are spelled. */
function isOtherNumber(said: string, written: readonly string[]): boolean {
  const spelled = SPELLED[Number(said)];
  return (
    !written.includes(said) && (spelled === undefined ? !written.some(isSpelled) : !written.includes(spelled))
  );
}

function isSpelled(word: string): boolean {
  return (
    SPELLED.includes(word) ||
    /^(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million)$/.test(word)
  );
}
