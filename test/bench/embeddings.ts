import { readFileSync } from "node:fs";
import { EMBEDDED_MODEL, Inference } from "../../src/inference/inference.ts";
import type { BenchRow } from "./row.ts";

/** As many as the answers of one step. */
const TEXTS = 50;
const MIN_WORDS = 10;
const MAX_WORDS = 160;
const RUNS = 3;

const WORDS =
  "the river carries water from the mountains to the sea and feeds the fields along its banks in every season".split(
    " ",
  );

/** Texts of 10 to 160 words in a fixed, mixed order: the lengths of one-line answers and of summaries. */
function mixedTexts(): string[] {
  const spread = MAX_WORDS - MIN_WORDS + 1;
  return Array.from({ length: TEXTS }, (_, index) => {
    // 37 and 151 have no common factor, so the lengths are spread evenly.
    const length = MIN_WORDS + ((index * 37) % spread);
    return Array.from({ length }, (_, at) => WORDS[(at * 7 + index) % WORDS.length]).join(" ");
  });
}

/** Fewest milliseconds of some runs: what the machine can do when it is left alone. */
async function bestMs(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    await work();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

function residentMb(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1000;
}

/** Embeddings a second of the embedded model on the CPU: one step's answers in one request against one by one. */
export async function benchEmbeddings(): Promise<BenchRow[]> {
  const inference = await Inference.start({ device: "cpu" });
  try {
    const texts = mixedTexts();
    const together = await bestMs(() => inference.embed(EMBEDDED_MODEL, texts));
    const single = await bestMs(async () => {
      for (const text of texts) await inference.embed(EMBEDDED_MODEL, [text]);
    });
    const memory = inference.workerPid === undefined ? undefined : residentMb(inference.workerPid);
    return [
      { name: "embeddings, one by one, CPU", value: (TEXTS * 1000) / single, unit: "/s" },
      {
        name: "embeddings, 50 mixed lengths in one request, CPU",
        value: (TEXTS * 1000) / together,
        unit: "/s",
        ratio: single / together,
      },
      { name: "50 answers embedded, CPU", value: together, unit: "ms" },
      ...(memory === undefined ? [] : [{ name: "RSS, inference worker alone", value: memory, unit: "MB" }]),
    ];
  } finally {
    await inference.stop();
  }
}
