import { join } from "node:path";
import { builtBinary, type Scratch, scratch } from "../binary/built.ts";
import { PLAIN } from "./plain.ts";
import { ANSWERS, writeJournal } from "./recorded.ts";
import type { BenchRow } from "./row.ts";

const EVENTS = Number(process.env.EVENTS ?? 20_000);
const MOST_IN_MEMORY = 50_000;
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

/** One thing that the binary does, and the program beside it that does the same of the journal. */
interface Work {
  name: string;
  words: string[];
  plain: () => void;
}

/**
 * Questions, export, analysis, explanation and datasets over a journal of EVENTS steps of 50 answers, by the binary as whole
 * processes. The ratio is to a plain program in this process, line by line with JSON.parse (`plain.ts`); of analyze, which
 * asks twenty questions, to such a reading that does nothing else.
 */
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
    const byLines = {
      leaderboard: () => PLAIN.leaderboard(folder),
      frequent: () => PLAIN.frequent(folder),
    };
    const late = Math.ceil(EVENTS * 0.9);
    const dataset = (format: string, ...more: string[]): string[] => [
      "dataset",
      folder,
      "--format",
      format,
      "--out",
      out(format),
      ...more,
    ];
    const works: Work[] = [
      {
        name: "leaderboard from the journal",
        words: ["query", leaderboard, folder],
        plain: byLines.leaderboard,
      },
      {
        name: "export to Parquet",
        words: ["events", "export", "--out", out("parquet"), folder],
        plain: () => PLAIN.answers(folder, out("answers.jsonl")),
      },
      {
        name: "leaderboard from Parquet",
        words: ["query", leaderboard, out("parquet")],
        plain: byLines.leaderboard,
      },
      {
        name: "most frequent answers from Parquet",
        words: ["query", frequent, out("parquet")],
        plain: byLines.frequent,
      },
      {
        name: "both in one query",
        words: ["query", `${leaderboard}; ${frequent}`, out("parquet")],
        plain: () => {
          byLines.leaderboard();
          byLines.frequent();
        },
      },
      {
        name: "analyze with its report",
        words: ["analyze", out("parquet"), "--report", out("report.html")],
        plain: () => PLAIN.read(folder),
      },
      {
        name: `explain step ${late}`,
        words: ["explain", "step", String(late), folder],
        plain: () => PLAIN.explain(folder, late),
      },
      {
        name: "DPO pairs from the journal",
        words: dataset("dpo-pairs", "--dedupe", "exact"),
        plain: () => PLAIN.pairs(folder, out("pairs.jsonl")),
      },
      {
        name: "reward-model data from the journal",
        words: dataset("reward-model"),
        plain: () => PLAIN.rewardModel(folder, out("reward-model.jsonl")),
      },
    ];
    const rows: BenchRow[] = [
      { name: `journal of ${EVENTS} steps × ${ANSWERS} answers`, value: bytes / 1e6, unit: "MB" },
    ];
    for (const { name, words, plain } of works) {
      const { seconds, peakMb } = await measure(program, words, place);
      let ratio: { ratio?: number } = {};
      // Such a program holds what it counts in memory.
      if (EVENTS <= MOST_IN_MEMORY) {
        const began = performance.now();
        plain();
        ratio = { ratio: (performance.now() - began) / 1_000 / seconds };
      }
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
