import { seenText } from "../prompts/sentences.ts";

/**
 * Characters of a completion that are scored: as many as miners/response.ts lets through, so this cuts nothing there. It
 * bounds the work of a completion that comes another way.
 */
const MAX_SCORED_CHARACTERS = 16_384;

/**
 * What of a miner's text the models, masks and penalties see: what a reader sees, without white space around it; "" when
 * there is none. Characters that are not shown are read by some of them and by others not, which could be played off.
 */
export function scoredText(completion: string | null): string {
  return seenText(completion?.trim().slice(0, MAX_SCORED_CHARACTERS).toWellFormed() ?? "").trim();
}
