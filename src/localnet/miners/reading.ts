import { type PromptParts, parsePrompt } from "../../prompts/templates.ts";

/** A sentence of the text a miner was given. */
export interface Sentence {
  /** Position in the text. */
  index: number;
  text: string;
  /** Words that carry meaning, in lower case. */
  terms: string[];
}

// Words too common to tell sentences apart.
const COMMON = new Set(
  `a about after all also an and any are as at be because been before being between both but by can could did do does
  down each even for from had has have he her here him his how i if in into is it its just like made many may me more
  most much my new no not now of off on one only or other our out over own said same she should so some such than that
  the their them then there these they this those through to too two under up upon us very was we were what when where
  which while who will with would you your`.split(/\s+/),
);

/** What the prompt asks for. A prompt in words that are not ours is read by its key words. */
export function readPrompt(prompt: string): PromptParts {
  return parsePrompt(prompt) ?? guessPrompt(prompt);
}

function guessPrompt(prompt: string): PromptParts {
  const [head = "", ...rest] = prompt.split(/\n\s*\n/);
  const text = rest.join("\n\n").trim() || prompt;
  if (/summar|paraphras/i.test(head)) return { task: "augment", text, sentences: 5 };
  if (/\bask\b.*\bquestion/i.test(head)) return { task: "followup", text };
  return { task: "answer", text, question: head };
}

/** Sentences of a text, without the questions that earlier steps added to it and the labels of their answers. */
export function splitSentences(text: string): Sentence[] {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("Question: "))
    .map((line) => line.replace(/^Answer: /, ""))
    .join(" ")
    .replace(/\s+/g, " ")
    .trim()
    .split(/(?<=[.!?]["”’)]?) (?=["“‘(]?[\p{Lu}\p{N}])/u)
    .filter((sentence) => sentence.length > 0)
    .map((sentence, index) => ({ index, text: sentence, terms: termsOf(sentence) }));
}

export function termsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}]+)*/gu) ?? [];
  return words.filter((word) => word.length > 1 && !COMMON.has(word));
}

/** How telling each term is: rare among the sentences, so high. */
export function inverseFrequency(sentences: readonly Sentence[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { terms } of sentences)
    for (const term of new Set(terms)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return new Map([...counts].map(([term, count]) => [term, Math.log(1 + sentences.length / count)]));
}

/** How much each sentence speaks of what the whole text speaks of, 0..1: shared terms by sentence length. */
export function centrality(sentences: readonly Sentence[]): number[] {
  const frequency = new Map<string, number>();
  for (const { terms } of sentences)
    for (const term of terms) frequency.set(term, (frequency.get(term) ?? 0) + 1);
  const raw = sentences.map(({ terms }) => {
    const sum = terms.reduce((total, term) => total + frequency.get(term)! - 1, 0);
    return sum / Math.sqrt(terms.length + 4);
  });
  const top = Math.max(...raw, 1e-9);
  return raw.map((value) => value / top);
}

/** How well each sentence matches a question, by tf-idf overlap, 0..1. */
export function relevance(sentences: readonly Sentence[], question: string): number[] {
  const weights = inverseFrequency(sentences);
  const asked = new Set(termsOf(question));
  const raw = sentences.map(({ terms }) => {
    const shared = [...new Set(terms)].filter((term) => asked.has(term));
    const sum = shared.reduce((total, term) => total + weights.get(term)!, 0);
    return sum / Math.sqrt(terms.length + 4);
  });
  const top = Math.max(...raw, 1e-9);
  return raw.map((value) => value / top);
}
