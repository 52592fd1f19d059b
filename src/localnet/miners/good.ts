import { type PromptParts, previousQuestions } from "../../prompts/templates.ts";
import { pick, type Random } from "./random.ts";
import { centrality, relevance, type Sentence, splitSentences, termsOf } from "./reading.ts";

// Each is grammatical around a group of people or things and a clause without its final stop.
const QUESTIONS: readonly ((group: string, clause: string) => string)[] = [
  (group, clause) => `What does it mean for ${group} that ${clause}?`,
  (group, clause) => `Why does it matter to ${group} that ${clause}?`,
  (group, clause) => `What would be different for ${group} if it were not true that ${clause}?`,
  (group, clause) => `Given that ${clause}, what should we expect for ${group}?`,
  (group, clause) => `How far is it because of ${group} that ${clause}?`,
];
const REMARKS: readonly ((group: string) => string)[] = [
  (group) => `This concerns ${group} most of all.`,
  (group) => `Think of ${group}, and it becomes clear.`,
  (group) => `One consequence is felt by ${group}.`,
  (group) => `It would look different without ${group}.`,
];
/** What a miner has in mind while it reads. Without it, miners of one short text would all say the same. */
const GROUPS = [
  "the people who live nearby",
  "the economy of the time",
  "judges and lawyers",
  "doctors and their patients",
  "plants and animals",
  "later generations",
  "women",
  "workers and their unions",
  "scientists",
  "schools and pupils",
  "politicians",
  "churches and believers",
  "painters and musicians",
  "merchants and trade",
  "travellers",
  "soldiers",
  "engineers and their machines",
  "farmers",
  "speakers of other languages",
  "the poor",
  "newspapers and their readers",
  "historians",
  "children and parents",
  "small towns",
  "neighbouring countries",
  "critics",
  "investors and banks",
  "the climate",
  "builders and architects",
  "sportsmen and their clubs",
] as const;

// A question is cut to 40 words by the validator: its clause must leave room for the rest.
const CLAUSE_WORDS = { min: 7, max: 24 } as const;
// A miner's own taste against the ranking of the sentences.
const TASTE = { min: 0.5, max: 1.2 } as const;
// Weight of the part of the text that a miner reads most closely, and how wide that part is.
const ATTENTION = { weight: 0.9, width: 0.2 } as const;

/**
 * Answers a prompt from the text in it: a summary of its own sentences, a question about one of them, or the sentences
 * that match the question best. `random` makes one miner's choice differ from another's.
 */
export function answerWell(prompt: PromptParts, random: Random): string {
  const sentences = splitSentences(prompt.text);
  if (sentences.length === 0) return prompt.text.slice(0, 200) || "There is no text to work on.";
  if (prompt.task === "augment") return summarise(sentences, prompt.sentences ?? 5, random);
  if (prompt.task === "followup") return askAbout(sentences, previousQuestions(prompt.text), random);
  return reply(sentences, prompt.question ?? "", random);
}

function summarise(sentences: Sentence[], count: number, random: Random): string {
  return joined(choose(sentences, centrality(sentences), count, random));
}

function askAbout(sentences: Sentence[], asked: readonly string[], random: Random): string {
  const clauses = sentences.flatMap(clausesOf).map((text, index) => ({ index, text, terms: termsOf(text) }));
  const fresh = clauses.filter(({ text }) => asked.every((question) => !question.includes(text)));
  const candidates = fresh.length > 0 ? fresh : sentences;
  const [chosen] = choose(candidates, centrality(candidates), 1, random);
  const clause = chosen!.text.split(" ").slice(0, CLAUSE_WORDS.max).join(" ");
  return plain(pick(QUESTIONS, random)(pick(GROUPS, random), clause));
}

/** Parts of a statement that can stand behind "that": its beginning up to a comma, or the whole. */
function clausesOf({ text }: Sentence): string[] {
  if (text.includes("?")) return [];
  const bare = text.replace(/[.!]["”’)]*$/, "");
  const whole = `${bare.charAt(0).toLowerCase()}${bare.slice(1)}`;
  return [whole, whole.split(/[,;:–—(]/, 1)[0]!.trim()].filter((clause) => {
    const words = clause.split(" ").length;
    return words >= CLAUSE_WORDS.min && words <= CLAUSE_WORDS.max;
  });
}

function reply(sentences: Sentence[], question: string, random: Random): string {
  const count = 1 + Math.floor(random() * 4);
  const chosen = joined(choose(sentences, relevance(sentences, question), count, random));
  const remark = pick(REMARKS, random)(pick(GROUPS, random));
  return random() < 0.5 ? `${chosen} ${remark}` : `${remark} ${chosen}`;
}

/** The `count` sentences with the best rank after taste and attention, in the order of the text. */
function choose(
  sentences: readonly Sentence[],
  ranks: readonly number[],
  count: number,
  random: Random,
): Sentence[] {
  const taste = TASTE.min + (TASTE.max - TASTE.min) * random();
  const focus = random();
  const attention = (index: number): number =>
    ATTENTION.weight * Math.exp(-(((index / sentences.length - focus) / ATTENTION.width) ** 2));
  return sentences
    .map((sentence, index) => ({ sentence, rank: ranks[index]! + attention(index) + taste * random() }))
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
