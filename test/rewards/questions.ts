import { augmentPrompt } from "../../src/prompts/templates.ts";
import type { StepQuestion } from "../../src/rewards/pipeline.ts";

const TEXT = "Whales breathe air. They dive for an hour. Their songs carry far.";

/** A question about whales, with some parts of one's own. */
export function question(parts: Partial<StepQuestion> = {}): StepQuestion {
  return { name: "augment", task: "augment", prompt: augmentPrompt(TEXT, 4), basePrompt: TEXT, ...parts };
}
