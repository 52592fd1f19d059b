import { HIGHEST_MARK, parseScoringPrompt } from "../../prompts/scoring.ts";
import { termsOf } from "../../prompts/sentences.ts";

/** A reply whose telling words all stand in its task could be a copy; the best ones bring some of their own. */
const BEST_SHARE = 0.7;
/** So many telling words make a reply of full length. */
const FULL_LENGTH = 20;

/**
 * Marks a reply as a reader in a hurry does: by how many of its telling words belong to the task, how many different
 * ones there are, and whether it says enough. undefined for a prompt that asks for no mark.
 */
export function markOf(text: string): string | undefined {
  const asked = parseScoringPrompt(text);
  if (asked === null) return undefined;
  const known = new Set(termsOf(asked.prompt));
  const terms = termsOf(asked.reply);
  const own = new Set(terms);
  if (own.size === 0 || asked.prompt.includes(asked.reply.trim())) return "0";
  const share = [...own].filter((term) => known.has(term)).length / own.size;
  const variety = own.size / terms.length;
  const length = Math.min(1, own.size / FULL_LENGTH);
  return String(Math.round(HIGHEST_MARK * Math.min(1, share / BEST_SHARE) * variety * (0.5 + length / 2)));
}
