import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { configureLog } from "../../src/base/log.ts";
import { rankCorrelation } from "../../src/base/rank-correlation.ts";
import { LanguageModel } from "../../src/inference/graph/language.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { findModel } from "../../src/models/model-files.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";

/**
 * A language model as hubs have it (models/export/hub_graph.py): fused operators, of which GroupQueryAttention takes
 * hidden tokens for the beginning of a row, and a past for a single row only.
 */
const directory = resolve(import.meta.dir, "../golden/hub-graph");
const ID = "tiny-qwen3";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

interface Case {
  prompt: string;
  completion: string;
  logProb: number | null;
}
const golden = resolve(import.meta.dir, "../golden/exports", ID, "golden.json");
/** Those of PyTorch that have a number. */
const CASES = (JSON.parse(readFileSync(golden, "utf8")).cases as Case[]).filter(
  ({ logProb }) => logProb !== null,
);

/** A prompt long enough to be shared, and answers of different lengths. */
const PROMPT = "What does a river carry to the sea, and who lives on its banks? ".repeat(2);
const PAIRS = [
  "nothing but water",
  "fish and sand",
  "a river carries water",
  "nobody knows, and nobody asks",
].map((completion) => ({ prompt: PROMPT, completion }));

const largest = (ours: readonly number[], theirs: readonly number[]): number =>
  Math.max(...ours.map((value, at) => Math.abs(value - theirs[at]!)));

describe("a graph of fused operators", () => {
  afterEach(() =>
    configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }),
  );

  test("meets PyTorch's numbers in batches of mixed lengths on the CPU", async () => {
    const inference = await InferenceSupervisor.start({
      device: "cpu",
      models: [ID],
      modelDirectory: directory,
    });
    const ours = await inference.logProb(ID, CASES, 1);
    expect(CASES.length).toBeGreaterThanOrEqual(50);
    expect(
      largest(
        ours,
        CASES.map(({ logProb }) => logProb!),
      ),
    ).toBeLessThan(1e-4);
    await inference.stop();
  });

  test("goes on from a shared prompt, one row at a time, with the same numbers", async () => {
    const lines: string[] = [];
    configureLog({ level: "warn", format: "plain", write: (line) => void lines.push(line) });
    let told = 0;
    const model = await LanguageModel.load(await findModel(ID, directory), "cpu", {
      onProgress: () => told++,
    });
    // It was tried when it was loaded, and would have been told of.
    expect(lines).toEqual([]);
    told = 0;
    const together = await model.logProb(PAIRS, 1.2);
    // Once when all is read. Whole rows of these lengths would share a batch or two.
    expect(told).toBe(1 + PAIRS.length);
    for (const [at, pair] of PAIRS.entries())
      expect(Math.abs(together[at]! - (await model.logProb([pair], 1.2))[0]!)).toBeLessThan(1e-4);
    await model.release();
  });
});

const environment = swiftshaderEnvironment();
test.skipIf(environment === undefined)("a graph of fused operators keeps the order on WebGPU", async () => {
  const cases = CASES.filter((_, at) => at % 3 === 0);
  const inference = await InferenceSupervisor.start({
    device: "webgpu",
    models: [ID],
    modelDirectory: directory,
    environment,
  });
  const ours = await inference.logProb(ID, cases, 1);
  const theirs = cases.map(({ logProb }) => logProb!);
  // On SwiftShader these operators compute to some three digits; plain ones, as models/export makes them, to six.
  expect(rankCorrelation(ours, theirs)).toBeGreaterThan(0.98);
  expect(largest(ours, theirs)).toBeLessThan(0.5);
  await inference.stop();
});
