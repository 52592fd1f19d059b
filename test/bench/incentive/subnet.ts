import type { Question, Task } from "../../../src/base/vocabulary.ts";
import { hashText, type Random, seededRandom } from "../../../src/localnet/miners/random.ts";
import { sourceSentences } from "../../../src/prompts/sentences.ts";
import {
  answerPrompt,
  augmentPrompt,
  cleanQuestion,
  drawBaseText,
  drawSummarySentences,
  followupPrompt,
  type PromptParts,
  parsePrompt,
} from "../../../src/prompts/templates.ts";
import { createPipeline } from "../../../src/rewards/assemble.ts";
import type { RewardPipeline } from "../../../src/rewards/pipeline.ts";
import type { Profile } from "../../../src/rewards/profile.ts";
import type { ServedModels } from "../../../src/rewards/served.ts";
import { type Attack, type Demand, FLUENT, GIBBERISH, HOLLOW, SPOILT } from "./attackers.ts";
import { badAnswer, goodAnswer, STYLES, type Style } from "./honest.ts";

export const TASKS = ["augment", "followup", "answer"] as const satisfies readonly Task[];
/** Sentences of the summary that questions are asked about. */
const SUMMARY = 8;
/** What an adaptive attacker tries before it answers, with a judge of its own. */
const TRIES = 16;
/** Of a text: dots in the names of files may make it so short that nothing is left to summarise. */
const FEWEST_SENTENCES = 12;

/** Of answers to all that is asked. */
export const ATTACK_KINDS = ["gibberish", "fluent", "spoilt"] as const;
/** The last one asks questions alone. */
type AttackKind = (typeof ATTACK_KINDS)[number] | "hollow";

/** A miner whose worth is known: the chance of a good answer, or an attack. */
export type BenchMiner =
  | { kind: "honest"; name: string; style: Style; quality: number }
  | { kind: AttackKind; name: string; attack: Attack; isAdaptive: boolean };

const attackers = (kind: AttackKind, attacks: Readonly<Record<string, Attack>>): BenchMiner[] =>
  Object.entries(attacks).map(([name, attack]) => ({ kind, name, attack, isAdaptive: false }));
const adaptive = (kind: AttackKind, name: string, attack: Attack | undefined): BenchMiner => {
  if (attack === undefined) throw new Error(`no attack is called ${name}`);
  return { kind, name: `${name}, best of ${TRIES}`, attack, isAdaptive: true };
};

export const MINERS: readonly BenchMiner[] = [
  ...STYLES.flatMap((style) =>
    Array.from({ length: 10 }, (_, at): BenchMiner => {
      const quality = (at + 1) / 10;
      return { kind: "honest", name: `${style} ${quality}`, style, quality };
    }),
  ),
  ...attackers("gibberish", GIBBERISH),
  ...attackers("fluent", FLUENT),
  ...attackers("spoilt", SPOILT),
  ...attackers("hollow", HOLLOW),
  adaptive("gibberish", "heads and tails", GIBBERISH["heads and tails"]),
  adaptive("fluent", "nouns in a frame", FLUENT["nouns in a frame"]),
  adaptive("fluent", "remarks about frequent words", FLUENT["remarks about frequent words"]),
  ...["naming: three words in one of twenty frames", "unseen: a half sentence with its verb first"].map(
    (name) => adaptive("hollow", name, HOLLOW[name]),
  ),
];

/** A subnet of which everything is known. */
export interface SubnetGame {
  profile: Profile;
  miners: readonly BenchMiner[];
  /** To draw from. */
  texts: readonly string[];
  asks: number;
  seed: number;
}

/** One answer and what it earned. */
export interface Earned {
  task: Task;
  /** Undefined for an attack. */
  isGood: boolean | undefined;
  reward: number;
}

/**
 * Asks all miners the same things and scores what they say, one task after the other.
 * @returns by miner, in their order, one entry per ask
 */
export async function playSubnet(
  models: ServedModels,
  { profile, miners, texts, asks, seed }: SubnetGame,
): Promise<Earned[][]> {
  const random = seededRandom(seed);
  // Without the diversity mask: 46 answers to one prompt by the same few methods are alike as real ones are not.
  const open = (): RewardPipeline => createPipeline(profile, { models, masks: { diversity: false } });
  const judge = open();
  const attackersJudge = open();
  const earned: Earned[][] = miners.map(() => []);
  for (let ask = 0; ask < asks; ask++) {
    const task = TASKS[ask % TASKS.length]!;
    const demand = drawDemand(task, texts, random);
    const question = questionOf(task, demand, `${seed} ${ask}`);
    const answers = await Promise.all(
      miners.map(async (miner) => {
        const isGood = miner.kind === "honest" ? random() < miner.quality : undefined;
        const own = seededRandom(hashText(`${miner.name} ${seed} ${ask}`));
        return {
          isGood,
          text: await say(miner, { ...demand, isGood, question, judge: attackersJudge }, own),
        };
      }),
    );
    const { rewards } = await judge.score(
      question,
      answers.map(({ text }) => text),
    );
    for (const [at, { isGood }] of answers.entries())
      earned[at]!.push({ task, isGood, reward: rewards[at]! });
  }
  return earned;
}

/** What is asked of everybody, and what the miners are asked who answer something else. */
export interface Asked extends Demand {
  elsewhere: PromptParts;
}

export function drawDemand(task: Task, texts: readonly string[], random: Random): Asked {
  const draw = (at: number): string => {
    const text = drawBaseText(texts[at % texts.length]!, random);
    return sourceSentences(text).length < FEWEST_SENTENCES ? draw(at + 1) : text;
  };
  const here = Math.floor(random() * texts.length);
  const prompt = promptOf(task, draw(here), random);
  const there = here + 1 + Math.floor(random() * (texts.length - 1));
  return { prompt, parts: partsOf(prompt), elsewhere: partsOf(promptOf(task, draw(there), random)) };
}

/** A question with what all miners say to it who have no judge of their own. */
export function drawAnswers(
  task: Task,
  texts: readonly string[],
  seed: number,
): { question: Question; answers: string[] } {
  const random = seededRandom(seed);
  const demand = drawDemand(task, texts, random);
  const answers = MINERS.map((miner) => {
    if (miner.kind !== "honest") return miner.attack(demand, random);
    const isGood = random() < miner.quality;
    return isGood
      ? goodAnswer(demand.parts, miner.style, random)
      : badAnswer(demand.parts, demand.elsewhere, miner.style, random);
  });
  return { question: questionOf(task, demand, String(seed)), answers };
}

interface Situation extends Asked {
  isGood: boolean | undefined;
  question: Question;
  judge: RewardPipeline;
}

async function say(
  miner: BenchMiner,
  { prompt, parts, elsewhere, isGood, question, judge }: Situation,
  random: Random,
): Promise<string> {
  if (miner.kind === "honest")
    return isGood ? goodAnswer(parts, miner.style, random) : badAnswer(parts, elsewhere, miner.style, random);
  if (!miner.isAdaptive) return miner.attack({ prompt, parts }, random);
  const tries = Array.from({ length: TRIES }, () => miner.attack({ prompt, parts }, random));
  const { rewards } = await judge.score(question, tries);
  return tries[rewards.indexOf(Math.max(...rewards))]!;
}

/** A prompt as the validator makes it: questions are asked about a summary. */
function promptOf(task: Task, text: string, random: Random): string {
  if (task === "augment") return augmentPrompt(text, drawSummarySentences(random));
  const summary = goodAnswer(partsOf(augmentPrompt(text, SUMMARY)), "quoting", random);
  if (task === "followup") return followupPrompt(summary, 0);
  const asked = goodAnswer(partsOf(followupPrompt(summary, 0)), "quoting", random);
  return answerPrompt(summary, cleanQuestion(asked));
}

function partsOf(prompt: string): PromptParts {
  const parts = parsePrompt(prompt);
  if (parts === null) throw new Error("a prompt of ours that cannot be read");
  return parts;
}

export function questionOf(
  task: Task,
  { prompt, parts }: { prompt: string; parts: PromptParts },
  forward: string,
): Question {
  const basePrompt = task === "answer" ? (parts.question ?? "") : parts.text;
  return { name: task, task, origin: "dataset", prompt, basePrompt, forward };
}
