import { readFileSync } from "node:fs";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import {
  type DrawnSubnet,
  drawSubnet,
  luckyShare,
  meanTau,
  type Outcomes,
  type Worth,
} from "./incentive/draws.ts";
import { STYLES, type Style } from "./incentive/honest.ts";
import { areaUnderCurve, byAsks, mean, type Pace, steady, stepsToPlace } from "./incentive/measures.ts";
import { ATTACK_KINDS, type BenchMiner, type Earned, MINERS, playSubnet, TASKS } from "./incentive/subnet.ts";
import { type ProfileChoice, withProfiles } from "./profiles.ts";
import { type BenchRow, median } from "./row.ts";

/** As --neuron.moving_average_alpha. */
const ALPHA = 0.05;
/** Scores as they are, and with another share for who was asked rarely, which is tried beside. */
const PACES = { "": steady(ALPHA), ", α by asks": byAsks(ALPHA) } as const;
/** Asks after which miners are ranked, and subnets that are drawn from what was earned (incentive/draws.ts). */
const DRAWN = { asks: 60, times: 200 } as const;
/** Asks of the miner that is asked least, and the quality of one that should not be on top then. */
const RARELY = { least: 5, poor: 0.3 } as const;
/** A good answer that earns less is one that the judge rejects. */
const REJECTED = 0.07;
/** SEEDS=1,2 for some of them. */
const SEEDS = (process.env.SEEDS ?? "1,2,3").split(",").map(Number);
/** Of each seed and domain. */
const ASKS = Number(process.env.ASKS ?? 12);
/** Good enough for a place: of the score that a miner comes to in the end. */
const PLACE = 0.8;

/**
 * Packaged passages that the probe was not trained on, a technical book and the Jargon File, by which constants were chosen
 * or faults found; and the World Factbook, by which nothing was chosen.
 */
const DOMAINS = {
  passages: textsIn("../../src/prompts/sample/passages.jsonl").filter((_, at) => at % 13 >= 9),
  handbook: textsIn("incentive/handbook.jsonl"),
  jargon: textsIn("incentive/jargon.jsonl"),
  factbook: textsIn("incentive/factbook.jsonl"),
} as const;

/** DOMAINS=jargon,factbook for some of them. */
const CHOSEN = process.env.DOMAINS?.split(",") ?? Object.keys(DOMAINS);

function textsIn(path: string): string[] {
  return readFileSync(new URL(path, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line): string => JSON.parse(line).text);
}

/** What is played; as large as README's figures unless given. */
interface Games extends ProfileChoice {
  miners?: readonly BenchMiner[];
  /** By the name of their kind. */
  texts?: Readonly<Record<string, readonly string[]>>;
  asks?: number;
  seeds?: readonly number[];
}

/** How well profiles rank miners whose worth is known, and what attackers earn; means of the seeds. */
export async function benchIncentive(games: Games = {}): Promise<BenchRow[]> {
  const { miners = MINERS, asks = ASKS, seeds = SEEDS } = games;
  const domains =
    games.texts ?? Object.fromEntries(Object.entries(DOMAINS).filter(([name]) => CHOSEN.includes(name)));
  return await withProfiles(games, async (profile, models) => {
    const rows: BenchRow[] = [];
    for (const [domain, texts] of Object.entries(domains)) {
      const played: Played = { miners, games: [] };
      for (const seed of seeds) {
        process.stderr.write(`  ${profile.id}, ${domain}, seed ${seed} …\n`);
        played.games.push(await playSubnet(models, { profile, miners, texts, asks, seed }));
      }
      const named = [...ranking(played), ...attacks(played), ...hollowQuestions(played)];
      rows.push(...named.map((row) => ({ ...row, name: `${profile.id}, ${domain}: ${row.name}` })));
    }
    return rows;
  });
}

/** What miners earned, by seed, miner and ask. */
interface Played {
  miners: readonly BenchMiner[];
  games: Earned[][][];
}

/** Places of the honest miners of one style, or of both. */
function honestIn({ miners }: Played, style?: Style): number[] {
  return [...miners.keys()].filter((at) => {
    const miner = miners[at]!;
    return miner.kind === "honest" && (style === undefined || miner.style === style);
  });
}

function ranking(played: Played): BenchRow[] {
  const { games } = played;
  const answers = (style?: Style): Earned[] =>
    games.flatMap((game) => honestIn(played, style).flatMap((at) => game[at]!));
  const curve = (all: readonly Earned[]): number =>
    areaUnderCurve(
      all.filter(({ isGood }) => isGood).map(({ reward }) => reward),
      all.filter(({ isGood }) => !isGood).map(({ reward }) => reward),
    );
  const { subnets, miners } = drawnOf(played);
  const below = (style?: Style): number => {
    const tau = (of: "truth" | "rewards"): number => meanTau(subnets, miners, { pace: PACES[""], of, style });
    return tau("truth") - tau("rewards");
  };
  const good = answers().filter(({ isGood }) => isGood);
  const meanGood = (style: Style): number =>
    mean(
      answers(style)
        .filter(({ isGood }) => isGood)
        .map(({ reward }) => reward),
    );
  const newcomer = (pace: Pace): number =>
    median(
      games.map((game) => {
        const rewards = honestIn(played)
          .filter((at) => qualityOf(played.miners[at]!) >= 0.9)
          .flatMap((at) => game[at]!.map(({ reward }) => reward));
        return stepsToPlace(rewards, { pace, share: PLACE, random: seededRandom(1) });
      }),
    );
  return [
    { name: "AUC of good against bad answers", value: curve(answers()), unit: "", goal: "≥ 0.95" },
    ...TASKS.flatMap((task) =>
      STYLES.map(
        (style): BenchRow => ({
          name: `AUC, ${task}, ${style}`,
          value: curve(answers(style).filter((answer) => answer.task === task)),
          unit: "",
        }),
      ),
    ),
    ...STYLES.map(
      (style): BenchRow => ({
        name: `τ below the oracle's, ${style}`,
        value: below(style),
        unit: "",
        goal: "≤ 0.05",
      }),
    ),
    { name: "τ below the oracle's, both styles", value: below(), unit: "", goal: "≤ 0.10" },
    {
      name: "τ of the oracle, both styles",
      value: meanTau(subnets, miners, { pace: PACES[""], of: "truth" }),
      unit: "",
    },
    {
      name: "good answers rejected",
      value: (100 * good.filter(({ reward }) => reward < REJECTED).length) / good.length,
      unit: "%",
      goal: "≤ 2",
    },
    {
      name: "a good quotation in good rewritings",
      value: meanGood("quoting") / meanGood("rewriting"),
      unit: "",
      goal: "1",
    },
    ...Object.entries(PACES).flatMap(([name, pace]): BenchRow[] => [
      {
        name: `steps until a good newcomer has its place${name}`,
        value: newcomer(pace),
        unit: "",
        goal: "≤ 100",
      },
      {
        name: `τ after ${DRAWN.asks} asks${name}`,
        value: meanTau(subnets, miners, { pace, of: "rewards" }),
        unit: "",
      },
      {
        name: `τ after ${RARELY.least} to ${DRAWN.asks} asks${name}`,
        value: meanTau(subnets, miners, { pace, of: "rewards", asked: askedOf }),
        unit: "",
      },
      {
        name: `poor miners above the median after ${RARELY.least} asks${name}`,
        value: 100 * luckyShare(subnets, miners, { pace, asks: RARELY.least, poor: RARELY.poor }),
        unit: "%",
      },
    ]),
  ];
}

/** Between the least and all of the asks, by place, the same for every quality. */
const askedOf = (at: number): number =>
  RARELY.least + Math.round(((DRAWN.asks - RARELY.least) * ((at * 7) % 20)) / 19);

function drawnOf(subnet: Played): { subnets: DrawnSubnet[]; miners: Worth[] } {
  const outcomes = (answers: readonly Earned[]): Outcomes => ({
    good: answers.filter(({ isGood }) => isGood).map(({ reward }) => reward),
    bad: answers.filter(({ isGood }) => !isGood).map(({ reward }) => reward),
  });
  const played = subnet.games
    .flatMap((game) =>
      game[0]!.map((_, ask) => {
        const of = (style: Style): Outcomes => outcomes(honestIn(subnet, style).map((at) => game[at]![ask]!));
        return { quoting: of("quoting"), rewriting: of("rewriting") };
      }),
    )
    .filter((ask) => STYLES.every((style) => ask[style].good.length > 0 && ask[style].bad.length > 0));
  const miners = subnet.miners.flatMap((miner) => (miner.kind === "honest" ? [miner] : []));
  const random = seededRandom(1);
  const subnets = Array.from({ length: DRAWN.times }, () => drawSubnet(played, miners, DRAWN.asks, random));
  return { subnets, miners };
}

function qualityOf(miner: BenchMiner): number {
  return miner.kind === "honest" ? miner.quality : 0;
}

/** What questions earn that ask nothing, in the mean of a good question. */
function hollowQuestions({ miners, games }: Played): BenchRow[] {
  const questions = (is: (miner: BenchMiner) => boolean): Earned[] =>
    games
      .flatMap((game) => game.filter((_, at) => is(miners[at]!)).flat())
      .filter(({ task }) => task === "followup");
  const earning = (answers: readonly Earned[]): number => mean(answers.map(({ reward }) => reward));
  const good = earning(questions(({ kind }) => kind === "honest").filter(({ isGood }) => isGood));
  const rows = miners
    .filter(({ kind }) => kind === "hollow")
    .map(
      ({ name }): BenchRow => ({
        name: `hollow, in mean good questions: ${name}`,
        value: earning(questions((miner) => miner.name === name)) / good,
        unit: "",
      }),
    );
  return [
    { name: "hollow questions, in mean good ones", value: mean(rows.map(({ value }) => value)), unit: "" },
    ...rows.sort((a, b) => b.value - a.value).slice(0, WORST),
  ];
}

function attacks(played: Played): BenchRow[] {
  const { miners, games } = played;
  const earning = (at: number): number =>
    mean(games.map((game) => mean(game[at]!.map(({ reward }) => reward))));
  const honest = honestIn(played).map(earning);
  const middle = median(honest);
  const weightOf = (places: readonly number[]): number => {
    const mine = mean(places.map(earning));
    return (100 * mine) / (mine + mean(honest));
  };
  return ATTACK_KINDS.flatMap((kind) => {
    const places = [...miners.keys()].filter((at) => miners[at]!.kind === kind);
    const goal = GOALS[kind];
    const others = places.filter((at) => !FOUND_LAST.some((attack) => miners[at]!.name.startsWith(attack)));
    return [
      {
        name: `weight of ${kind} miners, as many as honest ones`,
        value: weightOf(places),
        unit: "%",
        goal: goal.share,
      },
      ...(others.length < places.length
        ? [
            {
              name: `weight of ${kind} miners but for ${FOUND_LAST.join(" and ")}`,
              value: weightOf(others),
              unit: "%",
              goal: goal.share,
            },
          ]
        : []),
      ...places
        .map(
          (at): BenchRow => ({
            name: `${kind}, in median honest miners: ${miners[at]!.name}`,
            value: earning(at) / middle,
            unit: "",
            goal: goal.best,
          }),
        )
        .sort((a, b) => b.value - a.value)
        .filter(
          ({ name }, rank) => rank < WORST || FOR_READERS.some((attack) => name.endsWith(`: ${attack}`)),
        ),
    ];
  });
}

const GOALS = {
  gibberish: { share: "≤ 1", best: "≤ 0.1" },
  fluent: { share: "≤ 15", best: "" },
  spoilt: { share: "", best: "" },
} as const;
/** Attacks that were looked for, and found, when the others kept to the goal: nothing was found that holds them back. */
const FOUND_LAST = ["sentences at equal distances", "remarks about frequent words"];
/** Attacks of a kind that are listed. */
const WORST = 6;
/** Listed always: what a profile with a reader should see. */
const FOR_READERS = [
  "best sentences negated",
  "best sentences, other numbers",
  "nouns in a frame",
  "generic remarks",
];
