import { answerWell } from "../../../src/localnet/miners/good.ts";
import { pick, type Random } from "../../../src/localnet/miners/random.ts";
import { relevance, splitSentences } from "../../../src/localnet/miners/reading.ts";
import { sentencesOf } from "../../../src/prompts/sentences.ts";
import type { PromptParts } from "../../../src/prompts/templates.ts";
import { reworded, rewrite } from "./rewriting.ts";

/** How an honest miner puts what it has to say. */
export const STYLES = ["quoting", "rewriting"] as const;
export type Style = (typeof STYLES)[number];

const FILLER = [
  "This is an interesting topic with many sides to it.",
  "There are several points to consider, and each of them matters.",
  "The text gives a good overview of the subject.",
  "In conclusion, the matter is complex and deserves attention.",
  "Opinions differ, and more could be said about it.",
  "It is important to think about this carefully.",
] as const;
const FILLER_QUESTIONS = [
  "What are the main points to consider here?",
  "Why is this topic important in the modern world?",
  "How could this be improved in the years to come?",
  "What do you think about the ideas that are presented?",
] as const;

export function goodAnswer(parts: PromptParts, style: Style, random: Random): string {
  const quoted = answerWell(parts, random);
  if (style === "quoting") return quoted;
  if (parts.task === "followup") return reworded(quoted, random);
  return sentencesOf(quoted)
    .map((sentence) => rewrite(sentence, random))
    .join(" ");
}

export const BAD_KINDS = ["wrong part", "truncated", "off-topic", "filler"] as const;

/** What a miner gives when it fails at its task. */
export function badAnswer(parts: PromptParts, elsewhere: PromptParts, style: Style, random: Random): string {
  switch (pick(BAD_KINDS, random)) {
    case "wrong part":
      // Of a summary, the wrong part is a few neighbours at one place; of a question there is no wrong part.
      if (parts.task === "augment") return neighbours(parts.text, random);
      if (parts.task === "followup") return goodAnswer(elsewhere, style, random);
      return farthest(parts, style, random);
    case "truncated": {
      const whole = goodAnswer(parts, style, random);
      return whole.slice(0, Math.floor(whole.length * (0.15 + 0.4 * random()))).trim();
    }
    case "off-topic":
      return goodAnswer(elsewhere, style, random);
    case "filler":
      if (parts.task === "followup") return pick(FILLER_QUESTIONS, random);
      return Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(FILLER, random)).join(" ");
  }
}

/** The sentences of the text that have least to do with the question. */
function farthest({ text, question = "" }: PromptParts, style: Style, random: Random): string {
  const sentences = splitSentences(text);
  const ranks = relevance(sentences, question);
  const order = [...sentences.keys()].sort((a, b) => ranks[a]! - ranks[b]!);
  const taken = order.slice(0, Math.min(2, Math.ceil(order.length / 4))).sort((a, b) => a - b);
  return taken
    .map((at) => sentences[at]!.text)
    .map((sentence) => (style === "quoting" ? sentence : rewrite(sentence, random)))
    .join(" ");
}

function neighbours(text: string, random: Random): string {
  const sentences = sentencesOf(text);
  const from = Math.floor(random() * Math.max(1, sentences.length - 2));
  return sentences.slice(from, from + 2).join(" ");
}
