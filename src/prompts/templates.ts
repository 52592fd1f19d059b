/**
 * Wording of the three tasks of one forward pass, and its reverse: what a miner reads out of a prompt. Pure.
 *
 * A prompt is one line of instruction, then labelled parts, the long text last:
 *   augment, followup:  instruction ¶ Text: …
 *   answer:             instruction ¶ Question: … ¶ Text: …
 * Only the text may hold line breaks, so a miner's own words inside it cannot forge a part. The question stands before
 * the text because a sentence encoder reads the first few hundred tokens only.
 */
export type Task = "augment" | "followup" | "answer";

/** What a prompt asks for. */
export interface PromptParts {
  task: Task;
  /** The text to work on, with the questions and answers that were added to it. */
  text: string;
  /** The question to answer; only for `answer`. */
  question?: string;
  /** How many sentences the summary should have; only for `augment`. */
  sentences?: number;
}

/** Source of randomness: uniform in [0, 1), as Math.random. */
export type Random = () => number;

// Ranges of openvalidators 1.2.0: sentences of the base text, and of the summary asked for.
const BASE_SENTENCES = { min: 15, max: 30 } as const;
const SUMMARY_SENTENCES = { min: 4, max: 8 } as const;
// text-prompting 2.1.6 cut follow-up questions to 40 words, so that a prompt does not grow without end.
const MAX_QUESTION_WORDS = 40;

const TEXT_LABEL = "\n\nText:\n";
const QUESTION_LABEL = "\n\nQuestion:\n";
const QUESTION_HEADING = /^(?:question|query|q) ?: ?/i;
const GROWN_QUESTION = "\n\nQuestion: ";
const GROWN_ANSWER = "\nAnswer: ";

const AUGMENT = /^Summarise the text below in (\d{1,3}) sentences\b/;
const FOLLOWUP = "Ask one insightful question about the text below";
const ANSWER = "Answer the question below step by step";

/** Integer between `min` and `max`, both included. */
function drawInteger(range: { min: number; max: number }, random: Random): number {
  return range.min + Math.floor(random() * (range.max - range.min + 1));
}

/** Full stops of the scripts of the world. */
const FULL_STOP = /[.。｡۔।]/g;

/** The first `count` sentences of a text, where a sentence ends at a full stop; the whole text when it has fewer. */
export function firstSentences(text: string, count: number): string {
  let found = 0;
  for (const stop of text.matchAll(FULL_STOP))
    if (++found >= count) return text.slice(0, stop.index + 1).trim();
  return text.trim();
}

/** Cuts a dataset text to a random 15..30 sentences: the base text of a forward pass. */
export function drawBaseText(text: string, random: Random): string {
  return firstSentences(text, drawInteger(BASE_SENTENCES, random));
}

/** How many sentences the next summary should have: 4..8. */
export function drawSummarySentences(random: Random): number {
  return drawInteger(SUMMARY_SENTENCES, random);
}

export function augmentPrompt(text: string, sentences: number): string {
  return `Summarise the text below in ${sentences} sentences. Keep to what the text says and write plain prose without a heading.${TEXT_LABEL}${text}`;
}

/** @param index 0 for the first follow-up of a forward; from 1 on the text already holds earlier questions. */
export function followupPrompt(text: string, index: number): string {
  const instruction =
    index === 0
      ? `${FOLLOWUP}. Reply with the question only.`
      : `${FOLLOWUP} and the previous questions. Do not repeat one of them, and reply with the question only.`;
  return `${instruction}${TEXT_LABEL}${text}`;
}

export function answerPrompt(text: string, question: string): string {
  return `${ANSWER}, with the help of the text that follows it.${QUESTION_LABEL}${oneLine(question)}${TEXT_LABEL}${text}`;
}

/** The text of the next prompts: the text so far, then a question and its answer. */
export function growText(text: string, question: string, answer: string): string {
  return `${text}${GROWN_QUESTION}${oneLine(question)}${GROWN_ANSWER}${answer.trim()}`;
}

/** Questions that `growText` added to a text, oldest first. */
export function previousQuestions(text: string): string[] {
  return text
    .split(GROWN_QUESTION)
    .slice(1)
    .map((part) => part.split("\n", 1)[0]!);
}

/** Reads a prompt of this file back into its parts; null for any other text. */
export function parsePrompt(prompt: string): PromptParts | null {
  const head = prompt.split("\n", 1)[0]!;
  const body = prompt.slice(head.length);
  const summary = AUGMENT.exec(head);
  if (summary || head.startsWith(FOLLOWUP)) {
    if (!body.startsWith(TEXT_LABEL)) return null;
    const text = body.slice(TEXT_LABEL.length);
    return summary ? { task: "augment", text, sentences: Number(summary[1]) } : { task: "followup", text };
  }
  if (!head.startsWith(ANSWER) || !body.startsWith(QUESTION_LABEL)) return null;
  const labelled = body.indexOf(TEXT_LABEL);
  if (labelled < 0) return null;
  return {
    task: "answer",
    text: body.slice(labelled + TEXT_LABEL.length),
    question: body.slice(QUESTION_LABEL.length, labelled),
  };
}

/**
 * A miner's follow-up reduced to its question: the last sentence that ends with a question mark (the whole reply when
 * none does), without a heading, on one line, at most 40 words.
 */
export function cleanQuestion(reply: string): string {
  const line = oneLine(reply);
  const mark = line.lastIndexOf("?");
  const question = mark < 0 ? line : line.slice(sentenceStart(line, mark), mark + 1);
  return question.replace(QUESTION_HEADING, "").split(" ").slice(0, MAX_QUESTION_WORDS).join(" ");
}

/** Where the sentence that ends at `end` starts: after the stop and space before it. */
function sentenceStart(line: string, end: number): number {
  for (let at = end - 1; at > 0; at--) if (line[at] === " " && ".!?".includes(line[at - 1]!)) return at + 1;
  return 0;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
