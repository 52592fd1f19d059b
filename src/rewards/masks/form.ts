import { mapInTurns } from "../../base/turn.ts";
import type { Question, Task } from "../../base/vocabulary.ts";
import { wordsOf } from "../../prompts/sentences.ts";
import { above, below } from "../logistic.ts";
import type { Mask } from "../parts.ts";
import { readingOf } from "../reading.ts";

/** Words of a summary or an answer; a summary of long sentences may have more, by the number of sentences asked for. */
const LONGEST = 320;
const ROOM = 1.5;
/** Prose hardly ever says the same three words twice. */
const REPEATING = { share: 0.7, width: 0.03 } as const;
/** Verbs that stand first in a question, also negated ones, as alternatives of a pattern. */
export const AUXILIARY =
  "(?:is|are|was|were|do|does|did|can|could|should|would|will|shall|may|might|must|has|have|had)(?:n['’]t)?|(?:ca|wo|sha)n['’]t";
/** What may stand before what asks: "in which city". */
const PREPOSITION =
  "about|after|against|among|at|before|between|by|during|for|from|in|into|of|on|over|since|through|to|under|until|with|without";
/**
 * How an English question opens; about a text in another language it may open as it likes. Before what asks there may be a
 * clause: "besides straw, what other walls would".
 */
const OPENING = new RegExp(
  `^["“‘(]?(?:what|why|how|who|whom|whose|which|when|where|if|given|according|${AUXILIARY}|` +
    `(?:${PREPOSITION}) (?:what|which|whom|whose|when|where)|` +
    `[^,?]{3,80}, (?:what|why|how) (?:\\p{L}+ ){0,2}(?:${AUXILIARY}))\\b`,
  "iu",
);

/** Words of a question: six can ask about one thing of the text ("How do bees cool their nest?"), four about anything. */
const FEWEST_ASKING = { middle: 5.3, width: 0.3 } as const;

/** What somebody else says: a question in it is none that the completion asks. */
const QUOTED = /["“][^"“”]*["”]|‘[^‘’]*’/g;
/** A word that is no abbreviation, its stop, and a sentence that goes on in a small letter. */
const SMALL_START = /\p{Ll}{4,}\)?\. \p{Ll}{2,}/u;

/** A word without which English asks nothing, wherever it stands. */
const ASKING = /\b(?:what|why|how|who|whom|whose|which|when|where|whether)\b/i;

/** 1 for what has the form of a summary, a question or an answer; lower for fragments, lists of questions, and lengths that no reader wants. */
export class FormMask implements Mask {
  readonly name = "form_filter";

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const reading = readingOf(question);
    if (reading === undefined) return completions.map(() => 1);
    const mostWords = Math.max(LONGEST, ROOM * (reading.sentences ?? 0) * meanLength(reading.source));
    // A text that asks itself may be told with its questions.
    const mostMarks = 1 + marksIn(reading.source.join(" "));
    return await mapInTurns(completions, (text) =>
      formOf(reading.task, text, { mostWords, mostMarks, isEnglish: reading.isEnglish }),
    );
  }
}

/**
 * @param options.mostWords of a summary or an answer
 * @param options.mostMarks question marks of a summary or an answer
 * @param options.isEnglish whether the text that it is about is
 */
export function formOf(
  task: Task,
  text: string,
  {
    mostWords = LONGEST,
    mostMarks = 1,
    isEnglish = true,
  }: { mostWords?: number; mostMarks?: number; isEnglish?: boolean } = {},
): number {
  const all = wordsOf(text);
  const words = all.length;
  const fresh = above(distinctShare(all), REPEATING.share, REPEATING.width);
  const marks = marksIn(text.replace(QUOTED, ""));
  if (task === "followup") {
    if (!/[?？؟][”’)"」』»]*$/.test(text)) return 0;
    return (
      fresh *
      (marks > 1 ? 0.3 : 1) *
      (!isEnglish || OPENING.test(text) ? 1 : ASKING.test(text) ? 0.25 : 0.05) *
      above(words, FEWEST_ASKING.middle, FEWEST_ASKING.width) *
      below(words, 42, 1.2)
    );
  }
  if (!/[.!?。！？｡؟۔।॥][”’)"」』»]*$/.test(text)) return 0;
  return (
    fresh *
    (/^["“‘(]?\p{Ll}/u.test(text) || SMALL_START.test(text) ? 0.25 : 1) *
    (marks > mostMarks ? 0.1 : 1) *
    above(words, 4, 0.4) *
    below(words, mostWords, 15)
  );
}

function marksIn(text: string): number {
  return text.match(/[?？؟]/g)?.length ?? 0;
}

/** Share of the runs of three words that stand there for the first time; 1 for fewer than three words. */
function distinctShare(words: readonly string[]): number {
  const runs = words.slice(2).map((word, at) => `${words[at]} ${words[at + 1]} ${word}`);
  return runs.length === 0 ? 1 : new Set(runs).size / runs.length;
}

function meanLength(sentences: readonly string[]): number {
  return (
    sentences.reduce((sum, sentence) => sum + wordsOf(sentence).length, 0) / Math.max(1, sentences.length)
  );
}
