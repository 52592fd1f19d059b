import { Failure } from "../../base/error.ts";
import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import { comparableWords } from "../comparable.ts";
import type { Penalty, RewardsCode } from "../parts.ts";

/** More would make every completion dear to look through. */
const MAX_KEYWORDS = 200;
/** Words of a text that are looked at; completions and prompts are cut far below. */
const MAX_TEXT_WORDS = 16_384;

/**
 * 1 where a completion has one of the operator's words or phrases, whole and in whatever case, unless the prompt has it
 * too: what was asked about may be answered.
 */
export class KeywordMatchPenalty implements Penalty {
  readonly name = "keyword_match_penalty";
  readonly max: number;
  readonly #keywords: readonly string[];

  /** @throws Failure `rewards.bad-penalty` without a keyword, with too many, or with one that has no letter or digit */
  constructor(words: readonly string[], max = 1) {
    this.max = max;
    this.#keywords = words.map(spaced);
    const empty = words.find((_, index) => this.#keywords[index]!.trim() === "");
    if (words.length > 0 && words.length <= MAX_KEYWORDS && empty === undefined) return;
    throw new Failure<RewardsCode>("rewards.bad-penalty", {
      message:
        empty === undefined
          ? `keyword-match needs 1 to ${MAX_KEYWORDS} words, not ${words.length}`
          : `keyword-match cannot look for "${empty}", which has no letter or digit`,
      hint: "give them with --reward.keywords WORD,WORD, or leave keyword-match out of --reward.penalties",
    });
  }

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const prompt = spaced(question.prompt);
    const forbidden = this.#keywords.filter((keyword) => !prompt.includes(keyword));
    return mapInTurns(completions, (completion) => {
      const text = spaced(completion);
      return forbidden.some((keyword) => text.includes(keyword)) ? 1 : 0;
    });
  }
}

/** The words of a text with one space around each, so that a part of a word is no match. */
function spaced(text: string): string {
  return ` ${comparableWords(text, MAX_TEXT_WORDS).join(" ")} `;
}
