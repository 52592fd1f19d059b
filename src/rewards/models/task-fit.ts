import type { Question } from "../../base/vocabulary.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import { sentencesOf } from "../../prompts/sentences.ts";
import { cosine } from "../cosine.ts";
import { fitOfAnswer } from "../fit/answer.ts";
import type { Embedded, Given } from "../fit/given.ts";
import { clip } from "../fit/likeness.ts";
import { KnownWords } from "../fit/own-words.ts";
import { fitOfQuestion } from "../fit/question.ts";
import { fitOfSummary } from "../fit/summary.ts";
import { fitOfUnread } from "../fit/unread.ts";
import { RunSource } from "../masks/borrowed-runs.ts";
import type { RewardModel } from "../parts.ts";
import { readingOf } from "../reading.ts";

/** Sentences of a completion that are read: more than any of the tasks wants. */
const MAX_SENTENCES = 24;

/**
 * How well a completion does what was asked, 0..1, on a sentence encoder: a summary covers the parts of the text, a
 * question asks about it, an answer says what the text says about the question. What counts as near is told by the text's
 * own sentences, so that it holds for texts of other kinds than those it was made with. About a text that is not English all
 * answers in its language earn the same.
 */
export class TaskFitReward implements RewardModel {
  readonly name = "task_fit_reward_model";
  readonly isAbsolute = true;
  readonly #embedder: TextEmbedder;

  constructor(embedder: TextEmbedder) {
    this.#embedder = embedder;
  }

  /** @returns one number per completion; its likeness to the prompt where a user worded that */
  async score(question: Question, completions: string[]): Promise<number[]> {
    const reading = readingOf(question);
    if (reading === undefined) {
      const [asked, ...vectors] = await this.#embedder.embed([question.prompt, ...completions]);
      return vectors.map((vector) => clip(cosine(asked!, vector)));
    }
    const pieces = completions.map((text) => sentencesOf(text).slice(0, MAX_SENTENCES));
    const asked = reading.question === undefined ? [] : [reading.question];
    const texts = [...reading.source, ...asked, ...completions, ...pieces.flat()];
    const vectors = await this.#embedder.embed(texts);
    const embedded = texts.map((text, at): Embedded => ({ text, vector: vectors[at]! }));
    const take = (count: number): Embedded[] => embedded.splice(0, count);
    const given: Given = {
      ...reading,
      source: take(reading.source.length),
      runs: new RunSource(reading.source),
      told: new KnownWords(reading.source),
      asked: take(asked.length)[0]?.vector,
      askedWords: new KnownWords(asked),
    };
    const wholes = take(completions.length);
    const fit = reading.isEnglish ? FIT[reading.task] : fitOfUnread;
    return wholes.map((whole, at) => fit(given, { ...whole, sentences: take(pieces[at]!.length) }));
  }
}

const FIT = { augment: fitOfSummary, followup: fitOfQuestion, answer: fitOfAnswer } as const;
