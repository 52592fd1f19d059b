import { isTerm, wordsOf } from "../../prompts/sentences.ts";
import { below } from "../logistic.ts";
import type { RunSource } from "../masks/borrowed-runs.ts";

/**
 * Share of the words with meaning that the text has too, at which a sentence is half in words of its own. Sentences that
 * people write anew share 0 to 0.5 of them with the text, those with a word changed here and there 0.7 and more, and nouns
 * of the text in a frame 0.5 and more.
 */
const SHARED = { middle: 0.55, width: 0.05 } as const;

/**
 * How far a sentence says something in words of its own, 0..1. Such a one is farther from the sentences that it stands for
 * than a quotation is, and is to be measured with another bar.
 * @param asked words of the question, which anybody may take up
 */
export function ownWording(
  sentence: string,
  told: Pick<RunSource, "has">,
  asked: ReadonlySet<string> = new Set(),
): number {
  const terms = wordsOf(sentence).filter((word) => isTerm(word) && !asked.has(word));
  if (terms.length === 0) return 0;
  const shared = terms.filter((term) => told.has(term)).length / terms.length;
  return below(shared, SHARED.middle, SHARED.width);
}
