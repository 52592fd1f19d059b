import type { Question } from "../../base/vocabulary.ts";
import type { TextEmbedder } from "../../inference/embedding-cache.ts";
import { sentencesOf } from "../../prompts/sentences.ts";
import { cosine } from "../cosine.ts";
import { fitOfAnswer } from "../fit/answer.ts";
import { Forms } from "../fit/asked.ts";
import type { Embedded, Given, Work } from "../fit/given.ts";
import { clip } from "../fit/likeness.ts";
import { KnownWords } from "../fit/own-words.ts";
import { fitOfQuestion, readQuestion } from "../fit/question.ts";
import { fitOfSummary } from "../fit/summary.ts";
import { fitOfUnread } from "../fit/unread.ts";
import { RunSource } from "../masks/borrowed-runs.ts";
import type { RewardModel } from "../parts.ts";
import { type Reading, readingOf } from "../reading.ts";

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
    if (!reading.isEnglish) return await this.#scoreProse(reading, completions, fitOfUnread);
    return reading.task === "followup"
      ? await this.#scoreQuestions(reading, completions)
      : await this.#scoreProse(reading, completions, FIT[reading.task]);
  }

  async #scoreQuestions(reading: Reading, completions: string[]): Promise<number[]> {
    const known = { runs: new RunSource(reading.source), forms: new Forms(reading.source) };
    const questions = completions.map((text) => readQuestion(text, known));
    const owns = questions.map(({ wording }) => wording.own).filter((own) => own !== "");
    const take = await this.#embed([...reading.source, ...completions, ...owns]);
    const given = { source: take(reading.source.length), runs: known.runs };
    const wholes = take(completions.length);
    return questions.map((one, at) => {
      const own = one.wording.own === "" ? undefined : take(1)[0]!.vector;
      return fitOfQuestion(given, { ...one, ...wholes[at]!, own });
    });
  }

  async #scoreProse(
    reading: Reading,
    completions: string[],
    fitOf: (given: Given, work: Work) => number,
  ): Promise<number[]> {
    const pieces = completions.map((text) => sentencesOf(text).slice(0, MAX_SENTENCES));
    const asked = reading.question === undefined ? [] : [reading.question];
    const take = await this.#embed([...reading.source, ...asked, ...completions, ...pieces.flat()]);
    const given: Given = {
      ...reading,
      source: take(reading.source.length),
      runs: new RunSource(reading.source),
      told: new KnownWords(reading.source),
      asked: take(asked.length)[0]?.vector,
      askedWords: new KnownWords(asked),
    };
    const wholes = take(completions.length);
    return wholes.map((whole, at) => fitOf(given, { ...whole, sentences: take(pieces[at]!.length) }));
  }

  /** @returns hands the texts out again in their order, each once, with their vectors */
  async #embed(texts: string[]): Promise<(count: number) => Embedded[]> {
    const vectors = await this.#embedder.embed(texts);
    const embedded = texts.map((text, at): Embedded => ({ text, vector: vectors[at]! }));
    return (count) => embedded.splice(0, count);
  }
}

const FIT = { augment: fitOfSummary, answer: fitOfAnswer } as const;
