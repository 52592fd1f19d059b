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

/** Of a text whose parts tell different things. */
export const SENTENCES = [
  "The harbour of the old town was built by monks who traded in salt and wool.",
  "A storm broke its outer wall in the spring, and nobody had the money to mend it.",
  "Ships from the north then moved to the new port, where the customs were lower.",
  "The mayor asked the king for help, but the letter was lost on the way to the capital.",
  "Half of the families left within ten years and took their looms with them.",
  "Today a museum in the salt house shows what the monks wrote about their trade.",
];
