import { isTerm, termsOf } from "../../prompts/sentences.ts";
import { type PromptParts, previousQuestions } from "../../prompts/templates.ts";
import { LEADING, turned } from "./asking.ts";
import { pick, type Random } from "./random.ts";
import { centrality, inverseFrequency, relevance, type Sentence, splitSentences } from "./reading.ts";

// Each is grammatical around a group of people or things and what was found to ask about: a sentence turned into a question,
// two things of one sentence, or one.
const TURNED: readonly ((group: string, turned: string) => string)[] = [
  (group, turned) => `Why ${turned}, and what follows for ${group}?`,
  (group, turned) => `Why ${turned}, and what does that change for ${group}?`,
  (group, turned) => `For what reason ${turned}, as ${group} would see it?`,
  (group, turned) => `Why ${turned}, if one thinks of ${group}?`,
];
const OF_TWO: readonly ((group: string, first: string, second: string) => string)[] = [
  (group, first, second) => `What has ${first} to do with ${second}, and what follows for ${group}?`,
  (group, first, second) => `How does ${first} bear on ${second}, and who among ${group} would notice?`,
  (group, first, second) => `Would ${second} be the same for ${group} without ${first}?`,
  (group, first, second) => `What should ${group} know of ${first} before they judge ${second}?`,
];
const OF_ONE: readonly ((group: string, words: string) => string)[] = [
  (group, words) => `What follows from ${words} for ${group}?`,
  (group, words) => `Why would ${words} matter to ${group}?`,
  (group, words) => `What should ${group} know about ${words} before they judge?`,
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

// Words of the text that a question takes up: at most half of their sentence, or the question would hold its answer.
// Words of a sentence that says enough to be asked about.
const FEWEST_WORDS = 12;
const QUOTED_WORDS = { min: 2, max: 7 } as const;
/** Words with meaning that a question names, at least: "the time" alone asks about nothing. */
const FEWEST_TERMS = 2;
// What joins words with meaning to one phrase.
const JOINING = new Set(["of", "the", "a", "an", "and", "in", "for", "to", "their", "its", "his", "her"]);
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
  // The best sentence of each part of the text, to a miner's taste: together they cover it.
  const ranks = centrality(sentences);
  const parts = Math.min(count, sentences.length);
  const bound = (part: number): number => Math.round((part * sentences.length) / parts);
  const chosen = Array.from({ length: parts }, (_, part) => {
    const [from, to] = [bound(part), bound(part + 1)];
    return choose(sentences.slice(from, to), ranks.slice(from, to), 1, random);
  });
  return joined(chosen.flat());
}

function askAbout(sentences: Sentence[], asked: readonly string[], random: Random): string {
  const whole = sentences.map(({ text }) => text).join(" ");
  const turnable = sentences
    .flatMap((sentence) => {
      const text = turned(sentence.text, whole);
      return text === undefined ? [] : [{ ...sentence, text }];
    })
    .filter(({ text }) => asked.every((question) => !question.includes(text)));
  if (turnable.length > 0) {
    const [chosen] = choose(turnable, centrality(turnable), 1, random);
    return plain(pick(TURNED, random)(pick(GROUPS, random), chosen!.text));
  }
  const long = sentences.filter(({ text }) => text.split(" ").length >= FEWEST_WORDS);
  const subjects = (long.length > 0 ? long : sentences)
    .flatMap(subjectsOf)
    .map((things, index) => ({ index, things, text: things.join(" "), terms: termsOf(things.join(" ")) }));
  const fresh = subjects.filter(({ things }) =>
    asked.every((question) => !things.every((thing) => question.includes(thing))),
  );
  const telling = fresh.filter(({ terms }) => new Set(terms).size >= FEWEST_TERMS);
  const named = telling.filter(({ things }) => things.every(opensWithArticle));
  const pairs = named.filter(({ things }) => things.length > 1);
  const counts = inverseFrequency(sentences);
  const once = Math.max(...counts.values());
  const topical = named.filter(({ terms }) => terms.some((term) => (counts.get(term) ?? once) < once));
  const candidates = [pairs, topical, named, telling, fresh, subjects].find((some) => some.length > 0);
  const [chosen] =
    candidates === undefined
      ? [
          {
            things: [
              sentences[0]!.text
                .split(" ")
                .slice(0, 2 * QUOTED_WORDS.max)
                .join(" "),
            ],
          },
        ]
      : choose(candidates, centrality(candidates), 1, random);
  const [first = "", second] = chosen!.things;
  const group = pick(GROUPS, random);
  return plain(
    second === undefined ? pick(OF_ONE, random)(group, first) : pick(OF_TWO, random)(group, first, second),
  );
}

/** What a sentence speaks of: two of its phrases, or one where the other would make it more than half of the sentence or of what it says. */
function subjectsOf(sentence: Sentence): string[][] {
  const phrases = phrasesOf(sentence);
  const most = Math.min(sentence.text.split(" ").length / 2, 2 * QUOTED_WORDS.max);
  const mostTerms = new Set(sentence.terms).size / 2;
  const pairs = phrases
    .slice(1)
    .map((second, at) => [phrases[at]!, second] as const)
    .filter(([first, second]) => !termsOf(first).some((term) => termsOf(second).includes(term)));
  const short = pairs
    .map((pair) => [...pair])
    .filter(
      (pair) => pair.join(" ").split(" ").length < most && new Set(termsOf(pair.join(" "))).size <= mostTerms,
    );
  return short.length > 0 ? short : phrases.map((phrase) => [phrase]);
}

/** Runs of words of a sentence that name something: words with meaning, joined by small ones, in the sentence's own order. */
function phrasesOf({ text }: Sentence): string[] {
  const words = text.split(" ");
  const most = Math.min(QUOTED_WORDS.max, Math.floor(words.length / 2));
  const phrases: string[][] = [[]];
  /** Those that go on beyond what may be quoted: half a name is none. */
  const broken = new Set<string[]>();
  for (const word of words) {
    const bare = word.replace(/^["“‘(]+|["”’).,;:!?–—]+$/g, "");
    const phrase = phrases.at(-1)!;
    const isKept =
      isTerm(bare.toLowerCase()) || (phrase.length === 0 ? LEADING : JOINING).has(bare.toLowerCase());
    if (isKept && phrase.length < most) phrase.push(bare);
    else if (isKept) broken.add(phrase);
    if (!isKept || bare !== word) phrases.push([]);
  }
  const named = (
    phrases.every((phrase) => phrase.length < QUOTED_WORDS.min || broken.has(phrase))
      ? phrases
      : phrases.filter((phrase) => !broken.has(phrase))
  )
    .map(([first = "", ...rest]) => {
      const phrase = [LEADING.has(first.toLowerCase()) ? first.toLowerCase() : first, ...rest];
      while (phrase.length > 0 && JOINING.has(phrase.at(-1)!.toLowerCase())) phrase.pop();
      return phrase;
    })
    .filter(
      (phrase) => phrase.length >= QUOTED_WORDS.min && phrase.some((word) => isTerm(word.toLowerCase())),
    )
    .map((phrase) => phrase.join(" "));
  const whole = named.filter(opensWithArticle);
  return whole.length > 0 ? whole : named;
}

/** Such a phrase is rarely a verb and its object, and what it names is told without another sentence. */
function opensWithArticle(phrase: string): boolean {
  return /^(?:the|an?) /i.test(phrase);
}

function reply(sentences: Sentence[], question: string, random: Random): string {
  const ranks = relevance(sentences, question);
  const top = ranks.indexOf(Math.max(...ranks));
  // What answers the question best is in every good answer; what else belongs to it is a matter of taste.
  const without = <T>(all: readonly T[]): T[] => all.filter((_, index) => index !== top);
  const others = choose(without(sentences), without(ranks), Math.floor(random() * 3), random);
  const chosen = joined([sentences[top]!, ...others].sort((a, b) => a.index - b.index));
  const remark = pick(REMARKS, random)(pick(GROUPS, random));
  return random() < 0.5 ? `${chosen} ${remark}` : `${remark} ${chosen}`;
}

/** The `count` sentences with the best rank after taste and attention, in the order of the text. */
function choose<T extends Sentence>(
  sentences: readonly T[],
  ranks: readonly number[],
  count: number,
  random: Random,
): T[] {
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
