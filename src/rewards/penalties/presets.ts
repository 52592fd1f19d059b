import { z } from "zod";
import type { Penalty } from "../parts.ts";
import { ContentMatchPenalty } from "./content-match.ts";
import { KeywordMatchPenalty } from "./keyword-match.ts";
import { LengthAndFormPenalty } from "./length-and-form.ts";

const max = z.number().min(0).max(1).optional();

/** A penalty with its maximum, if not its usual one; keyword-match also with its words. */
export const penaltyChoice = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("content-match"), max }),
  z.strictObject({ name: z.literal("keyword-match"), max, words: z.array(z.string()) }),
  z.strictObject({ name: z.literal("task-validation"), max }),
]);
export type PenaltyChoice = z.infer<typeof penaltyChoice>;

/**
 * @param choices of several of one name, the first counts
 * @throws Failure `rewards.bad-penalty`
 */
export function createPenalties(choices: readonly PenaltyChoice[]): Penalty[] {
  const first = choices.filter(({ name }, at) => choices.findIndex((other) => other.name === name) === at);
  return first.map(createPenalty);
}

function createPenalty(choice: PenaltyChoice): Penalty {
  switch (choice.name) {
    case "content-match":
      return new ContentMatchPenalty(choice.max);
    case "keyword-match":
      return new KeywordMatchPenalty(choice.words, choice.max);
    case "task-validation":
      return new LengthAndFormPenalty(choice.max);
  }
}
