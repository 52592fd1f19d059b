import type { Question } from "../../src/base/vocabulary.ts";
import { listAdapters } from "../../src/inference/adapters.ts";
import { embedderOn } from "../../src/inference/embedding-cache.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { NsfwMask } from "../../src/rewards/masks/nsfw.ts";
import { RelevanceMask } from "../../src/rewards/masks/relevance.ts";
import { DahoasReward } from "../../src/rewards/models/dahoas.ts";
import { DpoReward } from "../../src/rewards/models/dpo.ts";
import { type PreferenceName, PreferenceReward } from "../../src/rewards/models/preference.ts";
import { PromptReward } from "../../src/rewards/models/prompt.ts";
import { RelevanceReward } from "../../src/rewards/models/relevance.ts";
import type { ServedModels } from "../../src/rewards/served.ts";
import { FIXTURE_IDS, type FixtureId, type LargeSize, writeFixtures } from "../fixtures/models.ts";
import { WORDS } from "../fixtures/tokenizers.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";
import { bestMs } from "./measure.ts";
import type { BenchRow } from "./row.ts";

/** Three million weights: enough for the arithmetic to outweigh what surrounds it, as in a real model. */
const LARGE: LargeSize = { size: { width: 256, heads: 8, layers: 4, inner: 1024 }, maxTokens: 1024 };
const TINY: LargeSize = { size: { width: 32, heads: 4, layers: 2, inner: 64 }, maxTokens: 1024 };

interface Lengths {
  answers: number;
  promptTokens: number;
  leastTokens: number;
  mostTokens: number;
  runs: number;
}

/** A text of ten sentences and an instruction, and one sentence to eight in answer, in tokens of a real tokenizer. */
const FULL: Lengths = { answers: 50, promptTokens: 250, leastTokens: 15, mostTokens: 180, runs: 3 };
/** SwiftShader needs a second for what the CPU does in ten milliseconds. The first run compiles its shaders. */
const SHORT: Lengths = { answers: 4, promptTokens: 64, leastTokens: 8, mostTokens: 32, runs: 2 };

interface Texts {
  prompt: string;
  answers: string[];
}

/** Scores answers as one role of the validator does. */
type Score = (question: Question, answers: string[]) => Promise<number[]>;

interface Role {
  name: string;
  model: FixtureId | typeof EMBEDDED_MODEL;
  score(served: ServedModels, model: string): Score;
}

const preference = (name: PreferenceName, served: ServedModels, model: string): Score =>
  scoreOf(new PreferenceReward(name, (inputs) => served.classify(model, inputs)));

const ROLES: Role[] = [
  {
    name: "rlhf (pair)",
    model: "tiny-deberta-rm",
    score: (served, model) => preference("rlhf_reward_model", served, model),
  },
  {
    name: "reciprocate (decoder)",
    model: "tiny-qwen3-rm",
    score: (served, model) => preference("reciprocate_reward_model", served, model),
  },
  {
    name: "reciprocate (decoder without a cache)",
    model: "tiny-gptj-rm",
    score: (served, model) => preference("reciprocate_reward_model", served, model),
  },
  {
    name: "dahoas (decoder, two values)",
    model: "tiny-qwen3-rm",
    score: (served, model) => scoreOf(new DahoasReward((inputs) => served.classify(model, inputs))),
  },
  {
    name: "dpo (log-prob)",
    model: "tiny-gpt-neo",
    score: (served, model) =>
      scoreOf(new DpoReward((pairs, penalty) => served.logProb(model, pairs, penalty))),
  },
  {
    name: "prompt (digits)",
    model: "tiny-instruct",
    score: (served, model) => scoreOf(new PromptReward((prompts) => served.digitScores(model, prompts))),
  },
  {
    name: "relevance reward",
    model: "tiny-mpnet",
    score: (served, model) => scoreOf(new RelevanceReward(embedderOn(served, model))),
  },
  {
    name: "relevance mask (windows)",
    model: "tiny-bert",
    score: (served, model) => {
      const mask = new RelevanceMask({
        embedder: embedderOn(served, model),
        minCosine: 0,
      });
      return (question, answers) => mask.apply(question, answers);
    },
  },
  {
    name: "nsfw (pieces)",
    model: "tiny-roberta-hate",
    score: (served, model) => {
      const mask = new NsfwMask({
        classify: (inputs) => served.classify(model, inputs),
        rule: "against",
        maxScore: 0,
      });
      return (question, answers) => mask.apply(question, answers);
    },
  },
];

const EMBEDDED_ROLE: Role = {
  name: "relevance reward",
  model: EMBEDDED_MODEL,
  score: (served, model) => scoreOf(new RelevanceReward(embedderOn(served, model))),
};

function scoreOf(model: { score: Score }): Score {
  return (question, answers) => model.score(question, answers);
}

/**
 * Pairs of prompt and answer a second of each role, 50 answers in one request against one by one. One by one is what
 * openvalidators 1.2.0 did: every pair by itself with its prompt, and one run of the model for each text.
 */
export async function benchRewards(): Promise<BenchRow[]> {
  return [...(await embeddedRows()), ...(await cpuRows()), ...(await webgpuRows())];
}

async function embeddedRows(): Promise<BenchRow[]> {
  const inference = await InferenceSupervisor.start({ device: "cpu" });
  try {
    return await rowsOf([EMBEDDED_ROLE], inference, "MiniLM, CPU", FULL);
  } finally {
    await inference.stop();
  }
}

async function cpuRows(): Promise<BenchRow[]> {
  return await withFixtures(LARGE, {}, async (inference) =>
    rowsOf(ROLES, inference, "fixture of 3 M weights, CPU", FULL),
  );
}

/**
 * On the GPU of this machine where it has one; else on SwiftShader, which shows that the path runs and what batches save it,
 * and says little about a GPU.
 */
async function webgpuRows(): Promise<BenchRow[]> {
  const [adapter] = listAdapters() ?? [];
  if (adapter?.isHardware)
    return await withFixtures(LARGE, { device: "webgpu" }, async (inference) =>
      rowsOf(ROLES, inference, `fixture of 3 M weights, WebGPU (${adapter.name})`, FULL),
    );
  const environment = swiftshaderEnvironment();
  if (environment === undefined) return [];
  return await withFixtures(TINY, { device: "webgpu", environment }, async (inference) =>
    rowsOf(ROLES, inference, "tiny fixture, WebGPU (SwiftShader)", SHORT),
  );
}

async function withFixtures(
  large: LargeSize,
  options: { device?: "webgpu"; environment?: Record<string, string> },
  work: (inference: InferenceSupervisor) => Promise<BenchRow[]>,
): Promise<BenchRow[]> {
  const fixtures = writeFixtures(FIXTURE_IDS, undefined, large);
  try {
    const inference = await InferenceSupervisor.start({
      device: "cpu",
      ...options,
      models: [...FIXTURE_IDS],
      modelDirectory: fixtures.directory,
    });
    try {
      return await work(inference);
    } finally {
      await inference.stop();
    }
  } finally {
    fixtures.remove();
  }
}

async function rowsOf(
  roles: readonly Role[],
  inference: InferenceSupervisor,
  label: string,
  lengths: Lengths,
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, model, score } of roles) {
    const { prompt, answers } = textsFor(model, lengths);
    const question: Question = {
      name: "augment",
      task: "augment",
      origin: "dataset",
      forward: "bench",
      prompt,
      basePrompt: prompt,
    };
    const together = score(inference, model);
    const single = score(alone(inference), model);
    const togetherMs = await bestMs(() => together(question, answers), lengths.runs);
    const singleMs = await bestMs(async () => {
      for (const answer of answers) await single(question, [answer]);
    }, lengths.runs);
    rows.push({
      name: `${name}, ${answers.length} answers, ${label}`,
      value: (answers.length * 1000) / togetherMs,
      unit: "pairs/s",
      ratio: singleMs / togetherMs,
    });
  }
  return rows;
}

/** The same models, each text in a run of its own. */
function alone(inference: InferenceSupervisor): ServedModels {
  const each = async <T, R>(items: readonly T[], work: (items: T[]) => Promise<R[]>): Promise<R[]> => {
    const found: R[] = [];
    for (const item of items) found.push(...(await work([item])));
    return found;
  };
  return {
    read: (model, texts) => each(texts, (items) => inference.read(model, items)),
    classify: (model, inputs) => each(inputs, (items) => inference.classify(model, items)),
    logProb: (model, pairs, penalty) => each(pairs, (items) => inference.logProb(model, items, penalty)),
    digitScores: (model, prompts) => each(prompts, (items) => inference.digitScores(model, items)),
  };
}

/** A byte is a token of the decoders' tokenizer, and a common word one of the others. */
function textsFor(model: string, { answers, promptTokens, leastTokens, mostTokens }: Lengths): Texts {
  const isBytes = /gpt|qwen/.test(model);
  const text = (tokens: number, seed: number): string => {
    const words = Array.from({ length: tokens }, (_, at) => WORDS[(at * 7 + seed * 11) % WORDS.length]).join(
      " ",
    );
    return isBytes ? words.slice(0, tokens) : words;
  };
  return {
    prompt: text(promptTokens, 0),
    // 37 has no factor in common with the number of lengths, so these are mixed and spread evenly.
    answers: Array.from({ length: answers }, (_, at) =>
      text(leastTokens + ((at * 37) % (mostTokens - leastTokens + 1)), at + 1),
    ),
  };
}
