import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { rankCorrelation } from "../../src/base/rank-correlation.ts";
import type { ClassifierInput } from "../../src/inference/protocol.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { type ModelManifest, manifestSchema } from "../../src/models/manifest.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";

/**
 * What models/export makes of real architectures, with random weights (models/export/check.py): each runs in a real
 * worker and meets the numbers that PyTorch computed, one unpadded text at a time.
 */
const EXPORTS = resolve(import.meta.dir, "../golden/exports");
const IDS = readdirSync(EXPORTS).sort();
const FIRST = 8;
/** Names of the q4 variants, which share all files with the fp32 ones. */
const q4 = (id: string): string => `${id}-q4`;

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

const logits = z.array(z.array(z.number())).min(1);
/** What Python wrote: a question in the form of the worker's protocol, and the answer. */
const goldenCase = z.union([
  z.object({ text: z.string(), first8: z.array(z.number()).length(FIRST) }),
  z.object({ prompt: z.string(), completion: z.string(), logProb: z.number().nullable() }),
  z.object({ pair: z.tuple([z.string(), z.string()]), logits }),
  z.object({ pieces: z.string(), logits }),
]);
type GoldenCase = z.infer<typeof goldenCase>;

const json = (...path: string[]): unknown => JSON.parse(readFileSync(join(EXPORTS, ...path), "utf8"));
const manifests = new Map(IDS.map((id) => [id, manifestSchema.parse(json(id, "manifest.json"))]));
const golden = new Map(
  IDS.map((id) => [id, z.object({ cases: z.array(goldenCase) }).parse(json(id, "golden.json")).cases]),
);

const directory = mkdtempSync(join(tmpdir(), "openvalidator-exports-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
for (const [id, manifest] of manifests) {
  const variant: ModelManifest = { ...manifest, id: q4(id), dtype: { webgpu: ["q4"], cpu: ["q4"] } };
  cpSync(join(EXPORTS, id), join(directory, id), { recursive: true });
  cpSync(join(EXPORTS, id), join(directory, q4(id)), { recursive: true });
  writeFileSync(join(directory, q4(id), "manifest.json"), JSON.stringify(variant));
}

/** The numbers of a case as Python wrote them. */
function expectedOf(item: GoldenCase): number[] {
  if ("first8" in item) return item.first8;
  if ("logits" in item) return item.logits.flat();
  return [item.logProb ?? Number.NEGATIVE_INFINITY];
}

/** The same numbers from the worker; all cases of a model are of one kind. */
async function ask(
  inference: InferenceSupervisor,
  model: string,
  cases: readonly GoldenCase[],
): Promise<number[][]> {
  const texts = cases.flatMap((item) => ("text" in item ? item.text : []));
  const inputs = cases.flatMap((item): ClassifierInput[] => {
    if (!("logits" in item)) return [];
    const { logits: _, ...input } = item;
    return [input];
  });
  const pairs = cases.flatMap((item) => ("prompt" in item ? item : []));
  return [
    ...(await inference.embed(model, texts)).map((vector) => [...vector.slice(0, FIRST)]),
    ...(await inference.classify(model, inputs)).map((rows) => rows.flatMap((row) => [...row])),
    ...(await inference.logProb(model, pairs, 1)).map((mean) => [mean]),
  ];
}

/** Largest difference; NaN and an infinity on one side only count as infinitely wrong. */
function difference(ours: readonly number[][], cases: readonly GoldenCase[]): number {
  expect(ours.map(({ length }) => length)).toEqual(cases.map((item) => expectedOf(item).length));
  return Math.max(
    ...ours.flatMap((row, at) =>
      row.map((value, column) => {
        const expected = expectedOf(cases[at]!)[column]!;
        const off = value === expected ? 0 : Math.abs(value - expected);
        return Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
      }),
    ),
  );
}

interface Demands {
  /** Of fp32 numbers. */
  tolerance: number;
  /** Of 4 bits: the fewer the texts, the more a pair that changes places counts. */
  leastCorrelation: number;
  /** Every so many texts are asked for. */
  step: number;
}

function meetsPyTorch(
  open: () => Promise<InferenceSupervisor>,
  { tolerance, leastCorrelation, step }: Demands,
): void {
  let inference: InferenceSupervisor;
  beforeAll(async () => {
    inference = await open();
  });
  afterAll(async () => await inference.stop());

  test.each(IDS)("by %s in fp32", async (id) => {
    const cases = golden.get(id)!.filter((_, at) => at % step === 0);
    expect(difference(await ask(inference, id, cases), cases)).toBeLessThan(tolerance);
  });

  test.each(IDS)("in their order by %s in 4 bits", async (id) => {
    const cases = golden.get(id)!.filter((_, at) => at % step === 0);
    const ours = await ask(inference, q4(id), cases);
    const expected = cases.map(expectedOf);
    // A column of a vector is a score as good as any: it depends on all of the model.
    for (const column of expected[0]!.keys()) {
      const of = (rows: readonly number[][]): number[] => rows.map((row) => row[column]!);
      const scored = [...expected.keys()].filter((at) => Number.isFinite(expected[at]![column]!));
      const [theirs, own] = [of(expected), of(ours)].map((values) => scored.map((at) => values[at]!));
      expect(rankCorrelation(theirs!, own!)).toBeGreaterThan(leastCorrelation);
    }
    // Were it fp32 in another name, it would be exact.
    expect(difference(ours, cases)).toBeGreaterThan(1e-4);
  });
}

test("every architecture has texts of all kinds and numbers that differ", () => {
  const architectures = [...manifests.values()].map(({ architecture }) => architecture);
  expect(new Set(architectures)).toEqual(
    new Set(["bert", "deberta-v2", "gpt_neo", "gptj", "llama", "qwen3", "roberta"]),
  );
  for (const cases of golden.values()) {
    expect(cases.length).toBeGreaterThanOrEqual(50);
    expect(new Set(cases.map((item) => expectedOf(item)[0]!.toFixed(3))).size).toBeGreaterThan(30);
  }
});

const models = [...IDS, ...IDS.map(q4)];

/** A prompt long enough to be shared, and answers to it. */
const PROMPT = "What does a river carry to the sea, and who lives on its banks? ".repeat(2);
const ANSWERS = ["water", "fish and sand", "a river carries water", "", "nobody knows, and nobody asks"];

test("the prompt that causal models compute once for all answers changes no number", async () => {
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: IDS,
    modelDirectory: directory,
  });
  const pairs = ANSWERS.map((completion) => ({ prompt: PROMPT, completion }));
  for (const id of ["tiny-qwen3", "tiny-llama"]) {
    const together = await inference.logProb(id, pairs, 1.2);
    for (const [at, pair] of pairs.entries()) {
      const [alone] = await inference.logProb(id, [pair], 1.2);
      if (Number.isFinite(alone)) expect(Math.abs(together[at]! - alone!)).toBeLessThan(1e-4);
      else expect(together[at]).toBe(alone!);
    }
  }
  for (const id of ["tiny-gptj", "tiny-qwen3-reward"]) {
    const inputs = ANSWERS.map((answer): ClassifierInput => ({ pair: [PROMPT, answer] }));
    const together = await inference.classify(id, inputs);
    for (const [at, input] of inputs.entries()) {
      const [alone] = await inference.classify(id, [input]);
      expect(Math.abs(together[at]![0]![0]! - alone![0]![0]!)).toBeLessThan(1e-4);
    }
  }
  await inference.stop();
});

describe("on the CPU, PyTorch's numbers are met", () => {
  meetsPyTorch(() => InferenceSupervisor.start({ device: "cpu", models, modelDirectory: directory }), {
    tolerance: 1e-4,
    leastCorrelation: 0.93,
    step: 1,
  });
});

const environment = swiftshaderEnvironment();
describe.skipIf(environment === undefined)("on WebGPU, PyTorch's numbers are met", () => {
  // SwiftShader needs a second for what the CPU does in ten milliseconds.
  meetsPyTorch(
    () => InferenceSupervisor.start({ device: "webgpu", models, modelDirectory: directory, environment }),
    {
      tolerance: 1e-3,
      leastCorrelation: 0.85,
      step: 4,
    },
  );
});
