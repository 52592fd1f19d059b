import { readFileSync } from "node:fs";
import type { Question } from "../../src/base/vocabulary.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import type { Profile } from "../../src/rewards/profile.ts";
import type { ServedModels } from "../../src/rewards/served.ts";
import { FLUENT, negated, otherNumbers } from "./incentive/attackers.ts";
import { goodAnswer, STYLES, type Style } from "./incentive/honest.ts";
import { areaUnderCurve, mean } from "./incentive/measures.ts";
import { type Asked, drawDemand, questionOf } from "./incentive/subnet.ts";
import { type ProfileChoice, withProfiles } from "./profiles.ts";
import type { BenchRow } from "./row.ts";

const ASKS = Number(process.env.ASKS ?? 60);
/** An answer of its own words to a question, and a summary: what a reader can hold against the text. */
const TASKS = ["answer", "augment"] as const;

/** The same answer with something that a reader sees, or what only sounds like one. */
const SPOILT: Readonly<Record<string, (good: string, asked: Asked, style: Style, seed: number) => string>> = {
  "its contrary": (good) => negated(good),
  "itself with opposites": (good) => withOpposites(good),
  "other numbers": (good, _asked, _style, seed) => otherNumbers(good, seededRandom(seed)),
  "the words of the text in a frame": (_good, asked, _style, seed) =>
    FLUENT["nouns in a frame"]!(asked, seededRandom(seed)),
  "an answer to another text": (_good, { elsewhere }, style, seed) =>
    goodAnswer(elsewhere, style, seededRandom(seed)),
};

const OPPOSITES = new Map(
  (
    "more less|many few|always never|before after|old new|large small|good bad|high low|early late|first last|true false|easy hard|" +
    "strong weak|open closed|long short|often rarely|same different|above below|public private|most least|better worse|usually seldom|" +
    "common rare|big tiny|fast slow|up down|inside outside|with without|everyone nobody|all no|every no|some no|also never"
  )
    .split("|")
    .flatMap((pair) => {
      const [one, other] = pair.split(" ") as [string, string];
      return [[one, other] as const, ...(other === "no" || other === "never" ? [] : [[other, one] as const])];
    }),
);

/** The contrary said in other words: no "not", and no word out of its place. */
function withOpposites(text: string): string {
  return text.replace(/\b[a-z]+\b/g, (word) => OPPOSITES.get(word) ?? word);
}

/**
 * What only a reader sees: how often each reward model of a profile puts a good answer above the same answer spoilt, and above what
 * only sounds like one; 50 % is blind. On the Jargon File, which no part of the judge was chosen by.
 */
export async function benchReaders(choice: ProfileChoice & { asks?: number } = {}): Promise<BenchRow[]> {
  return await withProfiles(choice, (profile, models) => readersOf(profile, models, choice.asks ?? ASKS));
}

async function readersOf(profile: Profile, models: ServedModels, asks: number): Promise<BenchRow[]> {
  const judge = createPipeline(profile, { models, masks: { diversity: false } });
  const texts = readFileSync(new URL("incentive/jargon.jsonl", import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line): string => JSON.parse(line).text);
  /** Whether the good one was put above, by what it was held against and who said so; a half for a tie. */
  const wins = new Map<string, number[]>();
  for (let ask = 0; ask < asks; ask++) {
    const task = TASKS[ask % TASKS.length]!;
    const style = STYLES[Math.floor(ask / TASKS.length) % STYLES.length]!;
    const asked = drawDemand(task, texts, seededRandom(ask + 1));
    const question: Question = questionOf(task, asked, String(ask));
    const good = goodAnswer(asked.parts, style, seededRandom(ask));
    const others = Object.entries(SPOILT)
      .map(([name, spoil]) => ({ name, text: spoil(good, asked, style, ask) }))
      .filter(({ text }) => text !== good);
    const answers = [good, ...others.map(({ text }) => text)];
    const { rewards, columns } = await judge.score(question, answers);
    const told = columns.filter(({ normalized }) => normalized !== undefined);
    for (const { name, raw } of [...told, { name: "reward", raw: rewards }])
      for (const [at, other] of others.entries()) {
        const key = `${other.name} | ${name}`;
        const win = areaUnderCurve([raw[0] ?? 0], [raw[at + 1] ?? 0]);
        wins.set(key, [...(wins.get(key) ?? []), win]);
      }
    process.stderr.write(`  ${ask + 1} of ${asks} asks …\n`);
  }
  return [...wins].sort().map(([key, won]) => {
    const [other, judgeName] = key.split(" | ");
    return {
      name: `${profile.id}: ${judgeName} puts a good answer above ${other} (${won.length})`,
      value: 100 * mean(won),
      unit: "%",
    };
  });
}
