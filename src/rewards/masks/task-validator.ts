import { mapInTurns } from "../../base/turn.ts";
import type { Question, Task } from "../../base/vocabulary.ts";
import type { Mask } from "../parts.ts";

// Headings of openvalidators 1.2.0 (task_validator.py), compared in lower case anywhere in the completion.
const SUMMARY_WORDS = ["summary:", "paraphrase:", "paraphrasing:", "paraphrased:"];
const QUESTION_WORDS = ["question:", "query:", "q:"];
const ANSWER_WORDS = ["answer:", "response:", "a:", "completion:"];

/** Headings that show that another task was answered than the one asked. */
const FORBIDDEN: Record<Task, string[]> = {
  augment: [...ANSWER_WORDS, ...QUESTION_WORDS],
  followup: [...ANSWER_WORDS, ...SUMMARY_WORDS],
  answer: [...QUESTION_WORDS, ...SUMMARY_WORDS],
};

/** 0 where a completion carries the heading of another task, else 1. How well it does its own is the penalties' to say. */
export class TaskValidatorMask implements Mask {
  readonly name = "task_validator_filter";

  async apply(question: Question, completions: string[]): Promise<number[]> {
    const forbidden = FORBIDDEN[question.task];
    return mapInTurns(completions, (completion) => {
      const lower = completion.toLowerCase();
      return forbidden.some((word) => lower.includes(word)) ? 0 : 1;
    });
  }
}
