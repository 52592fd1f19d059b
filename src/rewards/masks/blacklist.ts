import { cleanQuestion, parsePrompt } from "../../prompts/templates.ts";
import { comparable } from "../comparable.ts";
import type { Mask, StepQuestion } from "../parts.ts";

/** Answers that fit any question and so answer none. Ours; operators may give their own. */
const COMMON_PHRASES: readonly string[] = [
  "I do not know.",
  "I don't know.",
  "I am not sure.",
  "That is a good question.",
  "That is a great question.",
  "That's an interesting question.",
  "It depends.",
  "Yes.",
  "No.",
  "What do you think?",
  "What is the question?",
  "Can you tell me more?",
  "I am sorry, but I cannot help with that.",
  "As an AI language model, I cannot answer that.",
  "There is not enough information to answer the question.",
];

/** A quotation of a part of the prompt that is at least this long is a copy even with words of its own around it. */
const MIN_COPIED_CHARACTERS = 200;

/**
 * 0 where a completion is a listed phrase, the prompt or one of its parts, or a question or answer of this forward
 * pass, else 1. Texts are compared by their letters and digits, so case, spaces, punctuation, accents and letters
 * that only look Latin make no difference.
 */
export class BlacklistMask implements Mask {
  readonly name = "blacklist_filter";
  readonly #phrases: ReadonlySet<string>;
  #memory = new Set<string>();

  constructor(phrases: readonly string[] = COMMON_PHRASES) {
    this.#phrases = new Set(phrases.map(comparable));
  }

  beginForward(): void {
    this.#memory.clear();
  }

  remember(question: StepQuestion, best: string): void {
    // The summary is the text of all later prompts and is met there.
    if (question.task === "augment") return;
    this.#memory.add(comparable(best));
    if (question.task === "followup") this.#memory.add(comparable(cleanQuestion(best)));
  }

  async apply(question: StepQuestion, completions: string[]): Promise<number[]> {
    const parts = parsePrompt(question.prompt);
    const given = [question.prompt, question.basePrompt, parts?.text ?? "", parts?.question ?? ""].map(
      comparable,
    );
    const forbidden = new Set(given);
    const long = [...forbidden].filter((text) => text.length >= MIN_COPIED_CHARACTERS);
    return completions.map((completion) => {
      const text = comparable(completion);
      const isListed = this.#phrases.has(text) || forbidden.has(text) || this.#memory.has(text);
      return isListed || long.some((part) => text.includes(part)) ? 0 : 1;
    });
  }
}
