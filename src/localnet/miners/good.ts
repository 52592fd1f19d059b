import type { PromptParts } from "../../prompts/templates.ts";
import { pick, type Random } from "./random.ts";
import { centrality, relevance, type Sentence, splitSentences } from "./reading.ts";

// Wordings around a sentence of the text. Each is grammatical before a clause without its final stop.
const QUESTION_OPENINGS = [
  "Why does it matter that",
  "What follows from the fact that",
  "How can we know that",
  "What could explain that",
  "What would change if it were not true that",
  "Who is affected by the fact that",
  "What is the evidence that",
  "How did it come about that",
] as const;
const ANSWER_OPENINGS = [
  "",
  "The text says this. ",
  "Step by step, the text gives these reasons. ",
  "There are several points to see here. ",
  "Taken together, the passage explains it. ",
] as const;

// A question is cut to 40 words by the validator, so that its clause must be shorter.
const CLAUSE_WORDS = { min: 5, max: 30 } as const;
// A miner's own taste against the ranking. Without it all miners would choose alike and be taken for copies.
const TASTE = { min: 0.35, max: 0.9 } as const;

/**
 * Answers a prompt from the text in it: a summary of its own sentences, a question about one of them, or the sentences
 * that match the question best. `random` makes one miner's choice differ from another's.
 */
export function answerWell(prompt: PromptParts, random: Random): string {
  const sentences = splitSentences(prompt.text);
  if (sentences.length === 0) return prompt.text.slice(0, 200) || "There is no text to work on.";
  const taste = TASTE.min + (TASTE.max - TASTE.min) * random();
  if (prompt.task === "augment") return summarise(sentences, prompt.sentences ?? 5, taste, random);
  if (prompt.task === "followup") return askAbout(sentences, taste, random);
  return reply(sentences, prompt.question ?? "", taste, random);
}

function summarise(sentences: Sentence[], count: number, taste: number, random: Random): string {
  return joined(choose(sentences, centrality(sentences), count, taste, random));
}

function askAbout(sentences: Sentence[], taste: number, random: Random): string {
  const fitting = sentences.filter(({ text }) => {
    const words = text.split(" ").length;
    return words >= CLAUSE_WORDS.min && words <= CLAUSE_WORDS.max && !text.includes("?");
  });
  const candidates = fitting.length > 0 ? fitting : sentences;
  const [chosen] = choose(candidates, centrality(candidates), 1, taste, random);
  const words = chosen!.text.replace(/[.!?]["”’)]*$/, "").split(" ");
  const clause = words.slice(0, CLAUSE_WORDS.max).join(" ");
  return plain(`${pick(QUESTION_OPENINGS, random)} ${clause.charAt(0).toLowerCase()}${clause.slice(1)}?`);
}

function reply(sentences: Sentence[], question: string, taste: number, random: Random): string {
  const count = 3 + Math.floor(random() * 4);
  const chosen = choose(sentences, relevance(sentences, question), count, taste, random);
  return pick(ANSWER_OPENINGS, random) + joined(chosen);
}

/** The `count` sentences with the best rank after taste, in the order of the text. */
function choose(
  sentences: readonly Sentence[],
  ranks: readonly number[],
  count: number,
  taste: number,
  random: Random,
): Sentence[] {
  return sentences
    .map((sentence, index) => ({ sentence, rank: ranks[index]! + taste * random() }))
    .sort((a, b) => b.rank - a.rank)
    .slice(0, count)
    .map(({ sentence }) => sentence)
    .sort((a, b) => a.index - b.index);
}

function joined(sentences: readonly Sentence[]): string {
  return plain(sentences.map(({ text }) => text).join(" "));
}

/** Without colons before a space: "data: " would look like the label "A:" to a validator. */
function plain(text: string): string {
  return text.replace(/:(?=\s|$)/g, ",");
}
