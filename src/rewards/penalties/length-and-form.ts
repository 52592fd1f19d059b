import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import { parsePrompt } from "../../prompts/templates.ts";
import type { Penalty } from "../parts.ts";
import { countSentences } from "./sentences.ts";

/** Together 0.6, the maximum of text-prompting 2.1.6 for three criteria of 0.1 to 0.3. */
const LENGTH_PENALTY = 0.4;
const FORM_PENALTY = 0.2;
/** Of text-prompting (criteria.py): about half the length penalty at a quarter more or fewer sentences than asked for, all of it from double on. */
const LENGTH_STEEPNESS = 10;

/** A heading, an item of a list or a table, or a line that only leads to what follows. */
const LAYOUT = /^[ \t]{0,8}(?:#{1,6} |[-*+•] |\*\*|\||\d{1,3}[.)] )|:[ \t]{0,8}$/m;
/** Beyond this a text is looked at by its beginning. */
const MAX_CHARACTERS = 16_384;

/**
 * The penalty that flags and columns call task-validation, after text-prompting 2.1.6; the mask task-validator looks for
 * headings of another task. Measures completions by what our prompts ask for in so many words: a summary by its number of sentences and by plain prose
 * without a heading, a follow-up by being one question and nothing else. The prompt for an answer sets no form.
 */
export class LengthAndFormPenalty implements Penalty {
  readonly name = "task_validation_penalty";
  readonly max: number;

  /** @param max 0.6 in text-prompting 2.1.6 */
  constructor(max = LENGTH_PENALTY + FORM_PENALTY) {
    this.max = max;
  }

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const parts = parsePrompt(question.prompt);
    return mapInTurns(completions, (completion) => {
      const text = completion.slice(0, MAX_CHARACTERS);
      if (parts?.task === "augment")
        return lengthPenalty(text, parts.sentences!) + (LAYOUT.test(text) ? FORM_PENALTY : 0);
      if (parts?.task === "followup")
        return lengthPenalty(text, 1) + (/[?？]["'”’)\s]*$/.test(text.slice(-20)) ? 0 : FORM_PENALTY);
      return 0;
    });
  }
}

function lengthPenalty(text: string, target: number): number {
  const deviation = (countSentences(text) - target) / target;
  return LENGTH_PENALTY * (1 - Math.exp(-LENGTH_STEEPNESS * deviation ** 2));
}
