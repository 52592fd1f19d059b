import { cut, wrapped } from "./fit.ts";
import { renderTable } from "./table.ts";

/** What the demo found of one miner. */
export interface MinerRow {
  uid: number;
  character: string;
  answered: number;
  asked: number;
  /** Mean over all that it was asked. */
  reward: number;
  /** Mean of its answers; undefined where there was none. */
  latencyMs: number | undefined;
  score: number;
  /** Part of all weight, 0 to 1. */
  share: number;
  loss: string;
}

const HEADER = ["uid", "character", "answered", "reward", "latency", "score", "weight", "mostly lost by"];
/** Counts, and amounts with their units, stand to the right as numbers do. */
const AMOUNTS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6]);
/** Characters of a line where no screen tells. */
const USUAL_WIDTH = 100;

/**
 * The miners of a demo, the best first, and what the columns are. Pure.
 * @param block of the submission whose scores these are
 * @param width characters of a line of the screen
 */
export function demoTable(miners: readonly MinerRow[], block: number, width = USUAL_WIDTH): string {
  const cells = [...miners]
    .sort((a, b) => b.score - a.score)
    .map(({ uid, character, answered, asked, reward, latencyMs, score, share, loss }) => [
      uid,
      character,
      `${answered}/${asked}`,
      reward.toFixed(3),
      latencyMs === undefined ? "-" : `${latencyMs.toFixed(0)} ms`,
      score.toFixed(4),
      `${(100 * share).toFixed(1)} %`,
      loss,
    ]);
  const note = `Score and weight are of one moment, shortly before block ${block}: these scores became the weights that the chain holds now, each the score's share of all. The other columns are of the whole run; the last one names what most often left less than half of a reward, and in how many of the steps.`;
  return `\n${renderTable(HEADER, cells, AMOUNTS)}\n${noteLines(note, width)}`;
}

export function noteLines(note: string, width = USUAL_WIDTH): string {
  return `${wrapped(note, width)}\n`;
}

/** A line that is drawn over and over must not go on in a second one, which nothing would take away. */
export function progressLine(line: string, width = USUAL_WIDTH): string {
  return cut(line, width - 1);
}
