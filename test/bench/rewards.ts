import { Inference } from "../../src/inference/inference.ts";
import type { ClassifierInput } from "../../src/inference/protocol.ts";
import { FIXTURE_IDS, writeFixtures } from "../fixtures/models.ts";
import type { BenchRow } from "./row.ts";

const ANSWERS = 50;
const RUNS = 3;
const PROMPT = "What does a river carry from the mountains?";

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

/**
 * Answers a second of each role on the CPU, 50 in one request against one by one. The models are the tests' fixtures of
 * 25 000 random weights: what is measured is all that surrounds the arithmetic. Real models gain less.
 */
export async function benchRewards(): Promise<BenchRow[]> {
  const fixtures = writeFixtures();
  const inference = await Inference.start({
    device: "cpu",
    models: [...FIXTURE_IDS],
    modelDirectory: fixtures.directory,
  });
  try {
    // 37 and 50 have no common factor, so the lengths are mixed and spread evenly.
    const answers = Array.from({ length: ANSWERS }, (_, index) =>
      "water ".repeat(1 + ((index * 37) % ANSWERS)),
    );
    const classify = (model: string, input: (answer: string) => ClassifierInput) => (texts: string[]) =>
      inference.classify(model, texts.map(input));
    const roles: Record<string, (texts: string[]) => Promise<unknown>> = {
      "rlhf (pair)": classify("tiny-deberta-rm", (answer) => ({ pair: [PROMPT, answer] })),
      "reciprocate (decoder)": classify("tiny-qwen3-rm", (answer) => ({
        template: [
          { text: PROMPT, isOurs: false },
          { text: answer, isOurs: false },
        ],
      })),
      "nsfw (pieces)": classify("tiny-roberta-hate", (answer) => ({ pieces: answer })),
      "dpo (log-prob)": (texts) =>
        inference.logProb(
          "tiny-gpt-neo",
          texts.map((completion) => ({ prompt: PROMPT, completion })),
          1.2,
        ),
      "prompt (digits)": (texts) =>
        inference.digitScores(
          "tiny-gpt-neo",
          texts.map((text) => [{ text, isOurs: false }]),
        ),
      "relevance (windows)": (texts) => inference.embed("tiny-bert", texts),
    };
    const rows: BenchRow[] = [];
    for (const [name, work] of Object.entries(roles)) {
      const together = await bestMs(() => work(answers));
      const single = await bestMs(async () => {
        for (const answer of answers) await work([answer]);
      });
      rows.push({
        name: `${name}, tiny fixture, 50 answers in one request, CPU`,
        value: (ANSWERS * 1000) / together,
        unit: "/s",
        ratio: single / together,
      });
    }
    return rows;
  } finally {
    await inference.stop();
    fixtures.remove();
  }
}
