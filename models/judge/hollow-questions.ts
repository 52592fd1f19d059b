import { pick, type Random } from "../../src/localnet/miners/random.ts";
import { isTerm, wordsOf } from "../../src/prompts/sentences.ts";
import { shuffle } from "./corruptions.ts";

/** Makes a question of the sentences of a text that asks nothing: who makes it need not know what they say. */
export type Hollow = (sentences: readonly string[], random: Random) => string;

const FRAMES = [
  "How are X, Y and Z connected?",
  "What role does X play for Y and Z?",
  "Why do X and Y matter for Z?",
  "How does X change Y and Z?",
  "What would happen to X without Y and Z?",
  "In what way does X depend on Y and Z?",
  "Who decides about X, Y and Z?",
  "What is the importance of X, Y and Z?",
  "How could X and Y be improved by Z?",
  "Why should anybody care about X, Y and Z?",
  "What is the difference between X, Y and Z?",
  "When did X first lead to Y and Z?",
  "Which of X, Y and Z counts most?",
  "What problems do X and Y cause for Z?",
  "Can X be understood without Y and Z?",
  "Is X more important than Y or Z?",
  "What are the consequences of X for Y and Z?",
  "Why is X mentioned together with Y and Z?",
  "How did X come to affect Y and Z?",
  "What explains the relation of X to Y and Z?",
] as const;

const VERB = /^(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should)$/;

const termsIn = (sentence: string): string[] => [...new Set(wordsOf(sentence).filter(isTerm))];
const plain = (text: string): string => text.replace(/[.,;:!?"”]+$/, "");
const small = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const framed = (random: Random, [x = "it", y = "it", z = "it"]: readonly string[]): string => {
  const made = pick(FRAMES, random).replace("X", x).replace("Y", y).replace("Z", z);
  return made.charAt(0).toUpperCase() + made.slice(1);
};
/** Words in a row of a sentence drawn by chance. */
const piece = (sentences: readonly string[], random: Random, count: (words: number) => number): string => {
  const words = pick(sentences, random).split(" ");
  const taken = count(words.length);
  const from = Math.floor(random() * Math.max(1, words.length - taken));
  return plain(words.slice(from, from + taken).join(" "));
};
const head = (sentences: readonly string[], random: Random): string => {
  const words = pick(sentences, random).split(" ");
  return small(plain(words.slice(0, Math.ceil(words.length / 2)).join(" ")));
};

/** Words of one sentence, or of all, named in a frame. */
export const NAMING: Readonly<Record<string, Hollow>> = {
  "three words in a row": (sentences, random) =>
    `What does the text say about ${termsIn(pick(sentences, random)).slice(0, 3).join(" ")}?`,
  "three words in a list": (sentences, random) => {
    const [a, b, c] = termsIn(pick(sentences, random));
    return `What about ${a}, ${b} and ${c} here?`;
  },
  "three words in one of twenty frames": (sentences, random) =>
    framed(random, shuffle(termsIn(pick(sentences, random)), random)),
  "the longest words in one of twenty frames": (sentences, random) =>
    framed(
      random,
      termsIn(pick(sentences, random)).sort((a, b) => b.length - a.length),
    ),
  "words of all sentences": (sentences, random) => {
    const [a, b, c] = shuffle(termsIn(sentences.join(" ")), random);
    return `What is the relation between ${a}, ${b} and ${c} in the text?`;
  },
};

/** A piece of a sentence behind an opening. */
export const QUOTING: Readonly<Record<string, Hollow>> = {
  "four words": (sentences, random) => `What does the text say about ${piece(sentences, random, () => 4)}?`,
  "what it means that": (sentences, random) =>
    `What does it mean that ${small(plain(pick(sentences, random).split(" ").slice(0, 5).join(" ")))}?`,
  "why it is that": (sentences, random) => `Why is it that ${head(sentences, random)}?`,
  "whether it is true": (sentences, random) => `Is it true that ${head(sentences, random)}?`,
  "why anybody speaks of": (sentences, random) =>
    `Why would anybody speak of ${piece(sentences, random, () => 5)}?`,
};

/** What the judge's numbers were not found with: to measure them by. */
export const UNSEEN: Readonly<Record<string, Hollow>> = {
  "the two most frequent words": (sentences) => {
    const counts = new Map<string, number>();
    for (const word of wordsOf(sentences.join(" ")).filter(isTerm))
      counts.set(word, (counts.get(word) ?? 0) + 1);
    const [a, b] = [...counts].sort((one, other) => other[1] - one[1]).map(([word]) => word);
    return `Why is ${a} so important for ${b} in the text?`;
  },
  "a name": (sentences, random) => {
    const names = sentences.flatMap((sentence) => [
      ...sentence.matchAll(/(?<=[\p{Ll},] )\p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+)*/gu),
    ]);
    return `What is the meaning of ${pick(names, random)?.[0] ?? "the subject"} in this text?`;
  },
  "two pieces of a sentence": (sentences, random) => {
    const sentence = [pick(sentences, random)];
    const two = (): string => small(piece(sentence, random, () => 2));
    return `How would the ${two()} look today without the ${two()}?`;
  },
  "three words with articles and a verb": (sentences, random) => {
    const [a, b, c] = shuffle(termsIn(pick(sentences, random)), random);
    return `How did the ${a} of the ${b} shape the ${c} at that time?`;
  },
  "a half sentence with its verb first": (sentences, random) => {
    for (const sentence of shuffle(sentences, random)) {
      const words = plain(sentence).split(" ");
      const at = words.findIndex((word, place) => place > 0 && VERB.test(word));
      if (at < 0) continue;
      const rest = words.slice(at + 1);
      const half = rest.slice(0, Math.max(3, rest.length / 2)).join(" ");
      return `Why ${words[at]} ${small(words.slice(0, at).join(" "))} ${plain(half)}?`;
    }
    return "Why is it so?";
  },
};
