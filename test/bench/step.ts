import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Question } from "../../src/base/vocabulary.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { augmentPrompt, firstSentences } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import { RelevanceMask } from "../../src/rewards/masks/relevance.ts";
import { RelevanceReward } from "../../src/rewards/models/relevance.ts";
import type { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import type { ServedModels } from "../../src/rewards/served.ts";
import { bestMs } from "./measure.ts";
import type { BenchRow } from "./row.ts";

const ANSWERS = 50;
/** The history of the diversity mask when it is full, and the size of the embedded encoder's vectors. */
const HISTORY = 15_500;
const DIMENSIONS = 384;
const BASE_SENTENCES = 20;
const PASSAGES = join(import.meta.dir, "../../src/prompts/sample/passages.jsonl");

/** Scoring of one step of 50 answers with every mask of the embedded profile, as the validator does it and plainly. */
export async function benchStep(): Promise<BenchRow[]> {
  const inference = await InferenceSupervisor.start({ device: "cpu" });
  try {
    const oursMs = await stepMs(pipelineWith(inference));
    const plainMs = await plainStepMs(inference);
    return [
      {
        name: "score a step of 50 answers, all masks, history of 15 500, embedded profile, CPU",
        value: oursMs,
        unit: "ms",
        ratio: plainMs / oursMs,
      },
    ];
  } finally {
    await inference.stop();
  }
}

/** A step of 50 answers that are there at once, scored as above, milliseconds. */
export async function measuredStepMs(): Promise<number> {
  const inference = await InferenceSupervisor.start({ device: "cpu" });
  try {
    return await stepMs(pipelineWith(inference));
  } finally {
    await inference.stop();
  }
}

async function stepMs(pipeline: RewardPipeline): Promise<number> {
  let step = 0;
  return await bestMs(async () => {
    const { question, answers } = stepOf(step++);
    await pipeline.score(question, answers);
  });
}

/**
 * What openvalidators 1.2.0 did with the same models: each answer by itself with its prompt, and again for each model and
 * mask, without the history (it is no part of what is compared).
 */
async function plainStepMs(inference: InferenceSupervisor): Promise<number> {
  const profile = chosenProfile("embedded");
  const embedder = {
    embed: async (texts: string[]) => {
      const vectors: Float32Array[] = [];
      for (const text of texts) vectors.push(...(await inference.embed(EMBEDDED_MODEL, [text])));
      return vectors;
    },
  };
  const reward = new RelevanceReward(embedder);
  const relevance = new RelevanceMask({ embedder, minCosine: profile.relevance.minCosine });
  let step = 0;
  return await bestMs(async () => {
    const { question, answers } = stepOf(step++);
    for (const answer of answers) {
      await reward.score(question, [answer]);
      await relevance.apply(question, [answer]);
    }
    await embedder.embed(answers);
  }, 1);
}

function pipelineWith(models: ServedModels): RewardPipeline {
  const pipeline = createPipeline(chosenProfile("embedded"), { models });
  const random = seededRandom(1);
  const diversity = new Map<number, Float32Array>();
  for (let row = 0; row < HISTORY; row++)
    diversity.set(
      row,
      Float32Array.from({ length: DIMENSIONS }, () => (random() - 0.5) * 0.17),
    );
  const masks = { diversity_reward_model: { encoder: EMBEDDED_MODEL, dimensions: DIMENSIONS } };
  pipeline.load({ json: { normalizers: {}, masks }, tables: { diversity } });
  return pipeline;
}

/** A summary task and 50 answers of one to eight sentences out of the packaged sample; each step has texts of its own. */
function stepOf(step: number): { question: Question; answers: string[] } {
  const passages = readFileSync(PASSAGES, "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { text: string }).text);
  const base = firstSentences(passages[step]!, BASE_SENTENCES);
  const answers = Array.from({ length: ANSWERS }, (_, index) => {
    const from = passages[(step * ANSWERS + index + 1) % passages.length]!;
    return firstSentences(from, 1 + ((index * 5) % 8));
  });
  return {
    question: {
      name: "augment",
      task: "augment",
      origin: "dataset",
      prompt: augmentPrompt(base, 5),
      basePrompt: base,
      forward: "bench",
    },
    answers,
  };
}
