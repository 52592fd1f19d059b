import type { Question } from "../../src/base/vocabulary.ts";
import { augmentPrompt } from "../../src/prompts/templates.ts";

const TEXT = "Whales breathe air. They dive for an hour. Their songs carry far.";

/** A question about whales, with some parts of one's own. */
export function question(parts: Partial<Question> = {}): Question {
  return {
    name: "augment",
    task: "augment",
    origin: "dataset",
    forward: "f",
    prompt: augmentPrompt(TEXT, 4),
    basePrompt: TEXT,
    ...parts,
  };
}

/** Of openvalidators 1.2.0 for all-mpnet-base-v2 (diversity.py), which the golden numbers use. */
export const MPNET_CUTOFFS = {
  batch: { slope: 40, shift: 4 },
  history: { slope: 1000, shift: 50 },
};
