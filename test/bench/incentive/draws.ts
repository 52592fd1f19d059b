import { pick, type Random } from "../../../src/localnet/miners/random.ts";
import type { Style } from "./honest.ts";
import { kendall, mean, movingScore, type Pace } from "./measures.ts";

/** A miner whose worth is known. */
export interface Worth {
  style: Style;
  /** Chance of a good answer. */
  quality: number;
}

/** What good and bad answers of one style earned when all were asked the same. */
export interface Outcomes {
  good: readonly number[];
  bad: readonly number[];
}

/** What miners earned in one subnet, and what one would give them who knows good from bad; by miner, one number per ask. */
export interface DrawnSubnet {
  rewards: number[][];
  truth: number[][];
}

/**
 * A subnet of as many asks as one likes, out of what was earned in a few: an ask is one of those that were played, and a
 * miner's answer to it one of the good or bad ones that were given to it in its style. Ranks after a handful of asks are
 * chance; after many they tell what the judge costs.
 * @param played without those in which a style gave no good or no bad answer
 */
export function drawSubnet(
  played: readonly Readonly<Record<Style, Outcomes>>[],
  miners: readonly Worth[],
  asks: number,
  random: Random,
): DrawnSubnet {
  const rewards: number[][] = miners.map(() => []);
  const truth: number[][] = miners.map(() => []);
  for (let ask = 0; ask < asks; ask++) {
    const here = pick(played, random);
    for (const [at, { style, quality }] of miners.entries()) {
      const isGood = random() < quality;
      rewards[at]!.push(pick(here[style][isGood ? "good" : "bad"], random));
      truth[at]!.push(isGood ? 1 : 0);
    }
  }
  return { rewards, truth };
}

/**
 * Kendall's τ of the scores with the miners' worth, on average over subnets.
 * @param options.of which numbers make the scores
 * @param options.asked how many of its asks a miner was given, by its place; all where left out
 */
export function meanTau(
  subnets: readonly DrawnSubnet[],
  miners: readonly Worth[],
  {
    pace,
    of,
    style,
    asked = () => undefined,
  }: {
    pace: Pace;
    of: keyof DrawnSubnet;
    style?: Style | undefined;
    asked?: (at: number) => number | undefined;
  },
): number {
  const places = [...miners.keys()].filter((at) => style === undefined || miners[at]!.style === style);
  return mean(
    subnets.map((subnet) =>
      kendall(
        places.map((at) => movingScore(subnet[of][at]!.slice(0, asked(at)), pace)),
        places.map((at) => miners[at]!.quality),
      ),
    ),
  );
}

/** How often a poor miner's score stands above the median of all after its first few asks, 0..1. */
export function luckyShare(
  subnets: readonly DrawnSubnet[],
  miners: readonly Worth[],
  { pace, asks, poor }: { pace: Pace; asks: number; poor: number },
): number {
  const places = [...miners.keys()].filter((at) => miners[at]!.quality <= poor);
  return mean(
    subnets.map(({ rewards }) => {
      const scores = rewards.map((row) => movingScore(row, pace)).sort((a, b) => a - b);
      const middle = scores[Math.floor(scores.length / 2)]!;
      return (
        places.filter((at) => movingScore(rewards[at]!.slice(0, asks), pace) > middle).length / places.length
      );
    }),
  );
}
