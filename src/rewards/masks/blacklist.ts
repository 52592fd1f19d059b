import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import { cleanQuestion, parsePrompt } from "../../prompts/templates.ts";
import { comparable } from "../comparable.ts";
import type { Mask } from "../parts.ts";

/** Texts that fit any question and so answer none. Ours; operators may give their own. */
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

/** Passes whose memory is kept: four times as many as may run side by side (--neuron.num_concurrent_forwards). */
const MAX_FORWARDS = 64;

/**
 * 0 where a completion is a listed phrase, the prompt or one of its parts, or a question or answer of this forward
 * pass, else 1. Texts are compared by their letters and digits, so case, spaces, punctuation, accents and letters
 * that only look Latin make no difference.
 */
export class BlacklistMask implements Mask {
  readonly name = "blacklist_filter";
  readonly #phrases: ReadonlySet<string>;
  /** Questions and answers of each forward pass that runs, by its id, the oldest first. */
  readonly #memories = new Map<string, Set<string>>();

  constructor(phrases: readonly string[] = COMMON_PHRASES) {
    this.#phrases = new Set(phrases.map(comparable));
  }

  beginForward(forward: string): void {
    this.#memories.set(forward, new Set());
    // A pass whose end nobody told must not be kept for good.
    for (const oldest of this.#memories.keys()) {
      if (this.#memories.size <= MAX_FORWARDS) break;
      this.#memories.delete(oldest);
    }
  }

  endForward(forward: string): void {
    this.#memories.delete(forward);
  }

  /** A question of no pass, or of one that has ended, leaves nothing. */
  remember({ task, forward }: Question, best: string): void {
    const memory = this.#memories.get(forward);
    // The summary is the text of all later prompts and is met there.
    if (memory === undefined || task === "augment") return;
    memory.add(comparable(best));
    if (task === "followup") memory.add(comparable(cleanQuestion(best)));
  }

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const parts = parsePrompt(question.prompt);
    const given = [question.prompt, question.basePrompt, parts?.text ?? "", parts?.question ?? ""];
    const forbidden = new Set(await mapInTurns(given, comparable));
    const long = [...forbidden].filter((text) => text.length >= MIN_COPIED_CHARACTERS);
    const memory = this.#memories.get(question.forward);
    return mapInTurns(completions, (completion) => {
      const text = comparable(completion);
      const isListed = this.#phrases.has(text) || forbidden.has(text) || memory?.has(text);
      return isListed || long.some((part) => text.includes(part)) ? 0 : 1;
    });
  }
}
