import type { Question } from "../base/vocabulary.ts";
import { isEnglish, seenText, sourceSentences } from "../prompts/sentences.ts";
import { type PromptParts, parsePrompt } from "../prompts/templates.ts";

/** A question as the judge reads it: what is to be done, and with which sentences. */
export interface Reading extends PromptParts {
  /** Sentences of the text, without the questions that earlier steps asked. */
  source: string[];
  /** Whether the text is English: what knows English alone says nothing about answers to another one. */
  isEnglish: boolean;
}

/** What a question of our own wording asks; undefined for one that a user worded, which is judged by nothing here. */
export function readingOf({ prompt }: Question): Reading | undefined {
  const parts = parsePrompt(prompt);
  if (parts === null) return undefined;
  const source = sourceSentences(seenText(parts.text));
  return source.length === 0
    ? undefined
    : {
        ...parts,
        question: parts.question === undefined ? undefined : seenText(parts.question),
        source,
        isEnglish: isEnglish(source.join(" ")),
      };
}
