import { readFileSync } from "node:fs";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import { STYLES, type Style } from "./incentive/honest.ts";
import {
  areaUnderCurve,
  byAsks,
  drawn,
  kendall,
  mean,
  movingScore,
  type Pace,
  steady,
  stepsToPlace,
} from "./incentive/measures.ts";
import { ATTACK_KINDS, type BenchMiner, type Earned, MINERS, playSubnet, TASKS } from "./incentive/subnet.ts";
import { type BenchRow, median } from "./row.ts";

/** As --neuron.moving_average_alpha. */
const ALPHA = 0.05;
/** Scores as they are, and with another share for who was asked rarely, which is tried beside. */
const PACES = { "": steady(ALPHA), ", α by asks": byAsks(ALPHA) } as const;
/** Asks after which the two are compared, and so many times: rewards are drawn out of those that were earned. */
const COMPARED = { asks: 60, times: 50 } as const;
/** A good answer that earns less is one that the judge rejects. */
const REJECTED = 0.07;
const SEEDS = [1, 2, 3] as const;
/** Of each seed and domain. */
const ASKS = Number(process.env.ASKS ?? 9);
/** Good enough for a place: of the score that a miner comes to in the end. */
const PLACE = 0.8;

/**
 * Packaged passages that the probe was not trained on, and a technical book, by which constants were chosen; and the Jargon
 * File, which nothing of the judge was chosen by.
 */
const DOMAINS = {
  passages: textsIn("../../src/prompts/sample/passages.jsonl").filter((_, at) => at % 13 >= 9),
  handbook: textsIn("incentive/handbook.jsonl"),
  jargon: textsIn("incentive/jargon.jsonl"),
} as const;

function textsIn(path: string): string[] {
  return readFileSync(new URL(path, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line): string => JSON.parse(line).text);
}

/** How well the embedded profile ranks miners whose worth is known, and what attackers earn; means of three seeds. */
export async function benchIncentive(): Promise<BenchRow[]> {
  const inference = await InferenceSupervisor.start({ device: "cpu", models: [EMBEDDED_MODEL] });
  try {
    const rows: BenchRow[] = [];
    for (const [domain, texts] of Object.entries(DOMAINS)) {
      const games: Earned[][][] = [];
      for (const seed of SEEDS) {
        process.stderr.write(`  ${domain}, seed ${seed} …\n`);
        games.push(
          await playSubnet(inference, { profile: chosenProfile("embedded"), texts, asks: ASKS, seed }),
        );
      }
      const named = [...ranking(games), ...attacks(games)];
      rows.push(...named.map((row) => ({ ...row, name: `${domain}: ${row.name}` })));
    }
    return rows;
  } finally {
    await inference.stop();
  }
}

/** Places in MINERS of those that the condition holds for. */
function placesOf(is: (miner: BenchMiner) => boolean): number[] {
  return [...MINERS.keys()].filter((at) => is(MINERS[at]!));
}

const honestIn = (style?: Style): number[] =>
  placesOf((miner) => miner.kind === "honest" && (style === undefined || miner.style === style));

function ranking(games: readonly Earned[][][]): BenchRow[] {
  const answers = (style?: Style): Earned[] =>
    games.flatMap((game) => honestIn(style).flatMap((at) => game[at]!));
  const curve = (all: readonly Earned[]): number =>
    areaUnderCurve(
      all.filter(({ isGood }) => isGood).map(({ reward }) => reward),
      all.filter(({ isGood }) => !isGood).map(({ reward }) => reward),
    );
  const tau = (of: (one: Earned) => number, style?: Style): number =>
    mean(
      games.map((game) => {
        const places = honestIn(style);
        const scores = places.map((at) => movingScore(game[at]!.map(of), PACES[""]));
        return kendall(scores, places.map(qualityAt));
      }),
    );
  const below = (style?: Style): number =>
    tau(({ isGood }) => (isGood ? 1 : 0), style) - tau(({ reward }) => reward, style);
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
        const rewards = honestIn()
          .filter((at) => qualityAt(at) >= 0.9)
          .flatMap((at) => game[at]!.map(({ reward }) => reward));
        return stepsToPlace(rewards, { pace, share: PLACE, random: seededRandom(1) });
      }),
    );
  const later = (pace: Pace): number => {
    const random = seededRandom(1);
    const places = honestIn();
    const pools = places.map((at) => games.flatMap((game) => game[at]!.map(({ reward }) => reward)));
    const taus = Array.from({ length: COMPARED.times }, () =>
      kendall(
        pools.map((pool) => movingScore(drawn(pool, COMPARED.asks, random), pace)),
        places.map(qualityAt),
      ),
    );
    return mean(taus);
  };
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
      { name: `τ after ${COMPARED.asks} asks${name}`, value: later(pace), unit: "" },
    ]),
  ];
}

function qualityAt(at: number): number {
  const miner = MINERS[at]!;
  return miner.kind === "honest" ? miner.quality : 0;
}

function attacks(games: readonly Earned[][][]): BenchRow[] {
  const earning = (at: number): number =>
    mean(games.map((game) => mean(game[at]!.map(({ reward }) => reward))));
  const honest = honestIn().map(earning);
  const middle = median(honest);
  return ATTACK_KINDS.flatMap((kind) => {
    const places = placesOf((miner) => miner.kind === kind);
    const mine = mean(places.map(earning));
    const goal = GOALS[kind];
    return [
      {
        name: `weight of ${kind} miners, as many as honest ones`,
        value: (100 * mine) / (mine + mean(honest)),
        unit: "%",
        goal: goal.share,
      },
      ...places
        .map(
          (at): BenchRow => ({
            name: `${kind}, in median honest miners: ${MINERS[at]!.name}`,
            value: earning(at) / middle,
            unit: "",
            goal: goal.best,
          }),
        )
        .sort((a, b) => b.value - a.value)
        .slice(0, WORST),
    ];
  });
}

const GOALS = {
  gibberish: { share: "≤ 1", best: "≤ 0.1" },
  fluent: { share: "≤ 15", best: "" },
  spoilt: { share: "", best: "" },
} as const;
/** Attacks of a kind that are listed. */
const WORST = 6;
