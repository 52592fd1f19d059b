import { sourceSentences, termsOf } from "../../prompts/sentences.ts";
import { type PromptParts, parsePrompt } from "../../prompts/templates.ts";

/** A sentence of the text a miner was given. */
export interface Sentence {
  /** Position in the text. */
  index: number;
  text: string;
  /** Words that carry meaning, in lower case. */
  terms: string[];
}

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

/** Sentences of a prompt's text with their terms. */
export function splitSentences(text: string): Sentence[] {
  return sourceSentences(text).map((sentence, index) => ({
    index,
    text: sentence,
    terms: termsOf(sentence),
  }));
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
