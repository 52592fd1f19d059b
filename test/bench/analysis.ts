import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { readEvents } from "../../src/events/reader.ts";
import { builtBinary, type Scratch, scratch } from "../binary/built.ts";
import type { BenchRow } from "./row.ts";

const EVENTS = Number(process.env.EVENTS ?? 20_000);
const ANSWERS = 50;
const MINERS = 256;
const SEGMENT_EVENTS = 2_000;
/** As many as a language of the daily paper uses. */
const VOCABULARY = 4_000;
const COLUMNS = ["dpo_reward_model", "rlhf_reward_model", "relevance_filter", "diversity_reward_model"];

/** Marsaglia's xorshift32: the same journal on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Writes a journal of many steps in closed segments, as a validator leaves it behind. @returns bytes before compression */
export function writeJournal(folder: string, events: number, seed = 1): number {
  mkdirSync(folder, { recursive: true });
  const random = seeded(seed);
  const below = (end: number): number => Math.floor(random() * end);
  const words = Array.from({ length: VOCABULARY }, () => below(36 ** 6).toString(36));
  const sentence = (): string =>
    Array.from({ length: 12 + below(12) }, () => words[below(VOCABULARY)]).join(" ");
  let bytes = 0;
  for (let first = 0, segment = 1; first < events; first += SEGMENT_EVENTS, segment++) {
    let text = "";
    for (let sequence = first; sequence < Math.min(first + SEGMENT_EVENTS, events); sequence++)
      text += `${JSON.stringify(stepOf(sequence, below, random, sentence))}\n`;
    bytes += text.length;
    const name = `events-${String(segment).padStart(6, "0")}.jsonl.zst`;
    writeFileSync(join(folder, name), zstdCompressSync(Buffer.from(text)));
  }
  return bytes;
}

function stepOf(
  sequence: number,
  below: (end: number) => number,
  random: () => number,
  sentence: () => string,
): object {
  const list = <T>(make: (at: number) => T): T[] => Array.from({ length: ANSWERS }, (_, at) => make(at));
  const first = below(MINERS);
  const uids = list((at) => (first + at * 3) % MINERS);
  const rewards = list(() => Math.round(random() * 1e4) / 1e4);
  return {
    version: 2,
    kind: "step",
    time: new Date(Date.UTC(2026, 0, 1) + sequence * 12_000).toISOString(),
    genesis: "0x00",
    netuid: 1,
    hotkey: "validator",
    block: sequence,
    run: `run-${Math.floor(sequence / 50_000)}`,
    sequence,
    step: sequence + 1,
    name: sequence % 2 ? "answer0" : "followup0",
    task: sequence % 2 ? "answer" : "followup",
    origin: "dataset",
    forward: String(sequence >> 3),
    step_length: 5 + random(),
    stages: { choose_ms: 1, ask_ms: 4_000, judge_ms: 900, train_ms: 5, save_ms: 8, parts: {} },
    inference: { queue_ms: 1, compute_ms: 800 },
    prompt: sentence(),
    base_prompt: sentence(),
    uids,
    hotkeys: uids.map((uid) => `hotkey-${uid}`),
    // Every tenth is one of few texts, as of miners that copy.
    completions: list(() => (random() < 0.1 ? `the same answer ${below(20)}` : sentence())),
    completion_times: list(() => Math.round(random() * 1e4) / 1e3),
    completion_status_codes: list(() => (random() < 0.9 ? 200 : 408)),
    completion_status_messages: list(() => "OK"),
    rewards,
    gating_loss: random(),
    best: "",
    nan_columns: [],
    counted: true,
    cause: null,
    ...Object.fromEntries(COLUMNS.map((name) => [name, list(() => Math.round(random() * 1e4) / 1e4)])),
  };
}

interface Measured {
  seconds: number;
  /** Most that was resident. */
  peakMb: number;
}

async function measure(
  program: string,
  words: readonly string[],
  { directory, environment }: Scratch,
): Promise<Measured> {
  const began = performance.now();
  const child = Bun.spawn([program, ...words], {
    cwd: directory,
    env: environment,
    stdout: "ignore",
    stderr: "inherit",
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${code}`);
  return {
    seconds: (performance.now() - began) / 1_000,
    peakMb: (child.resourceUsage()?.maxRSS ?? Number.NaN) / 1e6,
  };
}

/** The leaderboard as a program without a database makes it: line by line. */
async function leaderboardByLines(folder: string): Promise<Map<number, number>> {
  const sums = new Map<number, { sum: number; count: number }>();
  for await (const event of readEvents(folder)) {
    if (event.kind !== "step") continue;
    for (const [at, uid] of event.uids.entries()) {
      const { sum, count } = sums.get(uid) ?? { sum: 0, count: 0 };
      sums.set(uid, { sum: sum + event.rewards[at]!, count: count + 1 });
    }
  }
  return new Map([...sums].map(([uid, { sum, count }]) => [uid, sum / count]));
}

/** Export, questions, report and dataset over a journal of EVENTS steps of 50 answers, by the binary. */
export async function benchAnalysis(): Promise<BenchRow[]> {
  const place = scratch();
  try {
    const program = await builtBinary();
    const folder = join(place.root, "events");
    const bytes = writeJournal(folder, EVENTS);
    const out = (name: string): string => join(place.root, name);
    const leaderboard =
      "SELECT uid, avg(reward) AS reward, count(*) AS asked FROM answers GROUP BY uid ORDER BY 2 DESC";
    const frequent =
      "SELECT completion, count(*) AS times, avg(reward) FROM answers GROUP BY 1 ORDER BY 2 DESC LIMIT 20";
    const works: [name: string, words: string[]][] = [
      ["leaderboard from the journal", ["query", leaderboard, folder]],
      ["export to Parquet", ["events", "export", "--out", out("parquet"), folder]],
      ["leaderboard from Parquet", ["query", leaderboard, out("parquet")]],
      ["most frequent answers from Parquet", ["query", frequent, out("parquet")]],
      [
        "DPO pairs from the journal",
        ["dataset", folder, "--format", "dpo-pairs", "--dedupe", "exact", "--out", out("pairs")],
      ],
      [
        "reward-model data from the journal",
        ["dataset", folder, "--format", "reward-model", "--out", out("reward-model")],
      ],
    ];
    const rows: BenchRow[] = [
      { name: `journal of ${EVENTS} steps × ${ANSWERS} answers`, value: bytes / 1e6, unit: "MB" },
    ];
    let byLinesS: number | undefined;
    if (EVENTS <= 50_000) {
      const began = performance.now();
      await leaderboardByLines(folder);
      byLinesS = (performance.now() - began) / 1_000;
      rows.push({ name: "leaderboard line by line, for comparison", value: byLinesS, unit: "s" });
    }
    for (const [name, words] of works) {
      const { seconds, peakMb } = await measure(program, words, place);
      const ratio =
        name.startsWith("leaderboard") && byLinesS !== undefined ? { ratio: byLinesS / seconds } : {};
      rows.push(
        { name, value: seconds, unit: "s", ...ratio },
        { name: `${name}: most memory`, value: peakMb, unit: "MB" },
      );
    }
    return rows;
  } finally {
    place.remove();
  }
}
