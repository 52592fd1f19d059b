import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";

/** What the programs here read of a step. */
interface Step {
  kind: string;
  step: number;
  prompt: string;
  uids: number[];
  completions: string[];
  rewards: number[];
  [column: string]: unknown;
}

/** The steps of a journal as a program without a database reads them: segment by segment, line by line. */
function* stepsOf(folder: string): Generator<Step> {
  for (const name of readdirSync(folder).sort())
    for (const line of zstdDecompressSync(readFileSync(join(folder, name)))
      .toString()
      .split("\n")) {
      if (line === "") continue;
      const event = JSON.parse(line) as Step;
      if (event.kind === "step") yield event;
    }
}

/** Mean of what comes under each key. */
class Means<Key> {
  readonly #sums = new Map<Key, { sum: number; count: number }>();

  add(key: Key, value: number): void {
    const found = this.#sums.get(key);
    if (found === undefined) this.#sums.set(key, { sum: value, count: 1 });
    else {
      found.sum += value;
      found.count++;
    }
  }

  /** The highest by `order` first. */
  sorted(order: (one: { mean: number; count: number }) => number): [Key, { mean: number; count: number }][] {
    return [...this.#sums]
      .map(
        ([key, { sum, count }]) =>
          [key, { mean: sum / count, count }] as [Key, { mean: number; count: number }],
      )
      .sort(([, a], [, b]) => order(b) - order(a));
  }
}

function writeLines(path: string, lines: Iterable<string>): void {
  const fd = openSync(path, "w");
  try {
    let block = "";
    for (const line of lines) {
      block += `${line}\n`;
      if (block.length < 1 << 20) continue;
      writeSync(fd, block);
      block = "";
    }
    writeSync(fd, block);
  } finally {
    closeSync(fd);
  }
}

function* answersOf(folder: string): Generator<string> {
  for (const { step, prompt, uids, completions, rewards } of stepsOf(folder))
    for (const [at, uid] of uids.entries())
      yield JSON.stringify({ step, prompt, uid, completion: completions[at], reward: rewards[at] });
}

function* pairsOf(folder: string): Generator<string> {
  const seen = new Set<string>();
  for (const { prompt, completions, rewards } of stepsOf(folder)) {
    const order = [...rewards.keys()].filter((at) => completions[at] !== "");
    order.sort((a, b) => rewards[b]! - rewards[a]!);
    const pair = { prompt, chosen: completions[order[0]!], rejected: completions[order.at(-1)!] };
    const line = JSON.stringify(pair);
    if (seen.has(line)) continue;
    seen.add(line);
    yield line;
  }
}

function* rewardLines(folder: string): Generator<string> {
  for (const { prompt, completions, rewards, uids } of stepsOf(folder))
    yield JSON.stringify({ prompt, completions, rewards, uids });
}

/**
 * The same questions in a dozen lines of TypeScript each, as somebody would write them for one occasion: no dedupe of events, no
 * damaged lines, no filters, everything in memory.
 */
export const PLAIN = {
  read(folder: string): void {
    for (const _ of stepsOf(folder));
  },
  leaderboard(folder: string): void {
    const means = new Means<number>();
    for (const { uids, rewards } of stepsOf(folder))
      for (const [at, uid] of uids.entries()) means.add(uid, rewards[at]!);
    means.sorted(({ mean }) => mean);
  },
  frequent(folder: string): void {
    const means = new Means<string>();
    for (const { completions, rewards } of stepsOf(folder))
      for (const [at, completion] of completions.entries()) means.add(completion, rewards[at]!);
    means.sorted(({ count }) => count).slice(0, 20);
  },
  explain(folder: string, wanted: number): void {
    const found = stepsOf(folder).find(({ step }) => step === wanted);
    if (found === undefined) throw new Error(`there is no step ${wanted}`);
  },
  answers(folder: string, out: string): void {
    writeLines(out, answersOf(folder));
  },
  pairs(folder: string, out: string): void {
    writeLines(out, pairsOf(folder));
  },
  rewardModel(folder: string, out: string): void {
    writeLines(out, rewardLines(folder));
  },
};
