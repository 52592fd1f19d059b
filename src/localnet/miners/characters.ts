import { sleep } from "../../base/deadline.ts";
import { answerWell } from "./good.ts";
import { attack } from "./hostile.ts";
import { markOf } from "./marking.ts";
import { hashText, pick, type Random, seededRandom } from "./random.ts";
import type { Behaviour } from "./reaction.ts";
import { readPrompt, splitSentences } from "./reading.ts";
import { TOPICS, topicOf } from "./topics.ts";

export const MINER_CHARACTERS = [
  "good",
  "terse",
  "off-topic",
  "copying",
  "repeating",
  "slow",
  "failing",
  "silent",
  "gibberish",
  "hostile",
  "specialist",
] as const;
export type MinerCharacter = (typeof MINER_CHARACTERS)[number];

export interface Person {
  character: MinerCharacter;
  /** Tells miners of one character apart. */
  seed: number;
  /** Position among the miners of its character, and how many there are. */
  rank: number;
  peers: number;
}

// Fluent and true, and never what was asked.
const OFF_TOPIC = [
  "Bread rises because yeast turns sugar into carbon dioxide.",
  "A bicycle stays upright more easily when it moves.",
  "Knitting needles are measured by their thickness.",
  "The best time to prune an apple tree is late winter.",
  "Chess clocks have two faces, one for each player.",
  "Salt lowers the freezing point of water on a road.",
  "A violin has four strings, and a double bass usually has four as well.",
  "Most sunflowers turn to the east when they are grown.",
  "Green tea should not be brewed with boiling water.",
  "A good tent is pitched with its door away from the wind.",
  "Owls cannot move their eyes, so they turn their heads.",
  "Paint dries more slowly when the air is damp.",
] as const;

// What a specialist says about anything but its topic.
const VAGUE = [
  "That depends on many things, and opinions differ.",
  "There is more than one way to look at it.",
  "It would take an expert to say more about this.",
  "Some would agree and others would not.",
  "One should not judge too quickly here.",
  "It is hard to tell without knowing the details.",
  "In general such matters are complicated.",
  "Time will show which view was right.",
] as const;

// Part of the timeout after which a slow miner answers: about half the time too late.
const SLOWNESS = { min: 0.5, max: 1.5 } as const;
const GIBBERISH_WORDS = { min: 20, max: 60 } as const;
const REPETITIONS = 30;

/** How a miner of this character reacts. The same miner reacts to the same prompt in the same way. */
export function behaviourOf(person: Person): Behaviour {
  const randomFor = (prompt: string): Random =>
    seededRandom((hashText(prompt) ^ Math.imul(person.seed + 1, 0x9e3779b1)) >>> 0);
  const says =
    (speak: (prompt: string, random: Random) => string): Behaviour =>
    async ({ prompt }) => ({ kind: "completion", text: speak(prompt, randomFor(prompt)) });

  switch (person.character) {
    case "good":
      return says((prompt, random) => markOf(prompt) ?? answerWell(readPrompt(prompt), random));
    case "terse":
      return says(terse);
    case "off-topic":
      return says((_, random) => Array.from({ length: 4 }, () => pick(OFF_TOPIC, random)).join(" "));
    case "copying":
      // Some hand back the prompt; the others agree on one answer, which takes two.
      return person.rank % 3 === 0 || person.peers < 3
        ? says((prompt) => prompt)
        : says((prompt) => answerWell(readPrompt(prompt), seededRandom(hashText(prompt))));
    case "repeating":
      return says((prompt) => `${firstWords(prompt, 3)} `.repeat(REPETITIONS).trim());
    case "gibberish":
      return says((_, random) => gibberish(random));
    case "slow":
      return async ({ prompt, timeoutMs, signal }) => {
        const random = randomFor(prompt);
        await sleep(timeoutMs * (SLOWNESS.min + (SLOWNESS.max - SLOWNESS.min) * random()), signal);
        return { kind: "completion", text: answerWell(readPrompt(prompt), random) };
      };
    case "specialist": {
      const topic = TOPICS[person.rank % TOPICS.length];
      return says((prompt, random) => {
        const parts = readPrompt(prompt);
        if (topicOf(parts.text) === topic) return answerWell(parts, random);
        return Array.from({ length: 3 }, () => pick(VAGUE, random)).join(" ");
      });
    }
    case "failing":
      return async () => ({ kind: "failure" });
    case "silent":
      return async ({ timeoutMs, signal }) => {
        // Longer than the validator waits, but not for ever: a miner that is stopped must not keep a socket.
        await sleep(2 * timeoutMs, signal);
        return { kind: "failure" };
      };
    case "hostile": {
      let turn = person.seed;
      return async (demand) => attack(turn++, demand);
    }
  }
}

/** One word of the text, where a summary, a question or an answer was asked for. */
function terse(prompt: string, random: Random): string {
  const { task, text } = readPrompt(prompt);
  const terms = splitSentences(text).flatMap((sentence) => sentence.terms);
  const term = terms.length > 0 ? pick(terms, random) : "nothing";
  if (task === "followup") return `Why ${term}?`;
  return task === "answer" ? `Because ${term}.` : `It is about ${term}.`;
}

/** The first words of a text's first sentence, without the stop. */
function firstWords(prompt: string, count: number): string {
  const [first] = splitSentences(readPrompt(prompt).text);
  return (first?.text ?? prompt)
    .split(/\s+/)
    .slice(0, count)
    .join(" ")
    .replace(/[.!?,;:]+$/, "");
}

function gibberish(random: Random): string {
  const letters = "bcdfghjklmnpqrstvwxz";
  const count = GIBBERISH_WORDS.min + Math.floor(random() * (GIBBERISH_WORDS.max - GIBBERISH_WORDS.min));
  const word = (): string =>
    Array.from(
      { length: 3 + Math.floor(random() * 8) },
      () => letters[Math.floor(random() * letters.length)],
    ).join("");
  return Array.from({ length: count }, word).join(" ");
}
