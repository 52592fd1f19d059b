import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { sleep } from "../../src/base/deadline.ts";
import { configureLog } from "../../src/base/log.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { GRAPH, MODEL } from "../../src/models/onnx/onnx.ts";
import { fieldsOf, Message } from "../../src/models/onnx/wire.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import type { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { readProfile } from "../../src/rewards/profile.ts";
import { rolesOf } from "../../src/rewards/roles.ts";
import { configureTestLog } from "../captured-log.ts";
import { type FixtureId, writeFixtures } from "../fixtures/models.ts";
import { question } from "../rewards/questions.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

/** The legacy profile with a fixture in each role, and all rewards on. */
const PROFILE = readProfile({
  id: "fixtures",
  rewards: [
    { name: "dpo_reward_model", model: "tiny-gpt-neo", weight: 0.2 },
    { name: "rlhf_reward_model", model: "tiny-deberta-rm", weight: 0.2 },
    { name: "reciprocate_reward_model", model: "tiny-qwen3-rm", weight: 0.2 },
    { name: "dahoas_reward_model", model: "tiny-gptj-rm", weight: 0.2 },
    { name: "prompt_reward_model", model: "tiny-instruct", weight: 0.2 },
  ],
  relevance: {
    model: "tiny-mpnet",
    minCosine: 0,
    distance: { model: "tiny-bert", minNegativeRmse: -1 },
  },
  diversity: { model: "tiny-mpnet", batchSlope: 40, batchShift: 4, historySlope: 1000, historyShift: 50 },
  // Random weights find hate everywhere; all that matters here is that it is looked for.
  nsfw: { model: "tiny-roberta-hate", rule: "against", maxScore: 100 },
});
const ANSWERS = 50;
const MEGABYTE = 1_000_000;

interface Opened {
  inference: InferenceSupervisor;
  pipeline: RewardPipeline;
}

async function open(directory: string): Promise<Opened> {
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [...new Set(rolesOf(PROFILE, {}).map(({ model }) => model))],
    modelDirectory: directory,
  });
  return { inference, pipeline: createPipeline(PROFILE, { models: inference }) };
}

/** Lines at a level and above that a piece of work writes. */
async function linesOf(level: "warn" | "error", work: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  configureLog({ level, format: "plain", write: (line) => lines.push(line) });
  await work();
  return lines;
}
afterEach(configureTestLog);

const healthy = writeFixtures();
afterAll(() => healthy.remove());

describe("a step of hostile answers ends with finite scores", () => {
  const shapes: Record<string, (index: number) => string> = {
    "of a megabyte each": (index) => `${index} water `.repeat(MEGABYTE).slice(0, MEGABYTE),
    "of a megabyte without a space": (index) => String.fromCharCode(97 + (index % 26)).repeat(MEGABYTE),
    "of 20 000 special tokens": (index) => `${index}${"<|endoftext|>[SEP]</s>".repeat(7000)}`,
    "of emoji, lone surrogates and NUL": (index) => `${index}${"👩‍👩‍👧\ud800\0".repeat(5000)}`,
  };
  for (const [name, shape] of Object.entries(shapes))
    test(name, async () => {
      const { inference, pipeline } = await open(healthy.directory);
      const completions = Array.from({ length: ANSWERS }, (_, index) => shape(index));
      const lines = await linesOf("warn", async () => {
        const { rewards, columns } = await pipeline.score(question(), completions);
        expect(rewards).toHaveLength(ANSWERS);
        for (const reward of rewards) expect(reward >= 0 && reward <= 1).toBe(true);
        expect(columns.find((column) => column.name === "rlhf_reward_model")?.raw).not.toContain(null);
      });
      expect(lines).toEqual([]);
      await inference.stop();
    });
});

/** Fills every matrix of weights with NaN: what a damaged driver, or an overflow in half precision, makes of logits. */
function spoilLogits(onnx: Uint8Array): Uint8Array {
  const model = fieldsOf(onnx);
  const graph = model.find(({ number }) => number === MODEL.graph)!;
  const parts = fieldsOf(graph.content);
  const spoiled = new Message();
  for (const part of parts) {
    // onnx.TensorProto: 1 is the shape, 2 the element type, 9 the numbers.
    const isTensor = part.number === GRAPH.initializer;
    const fields = isTensor ? fieldsOf(part.content) : [];
    const isFloat = fields.some(({ number, integer }) => number === 2 && integer === 1);
    const isMatrix = fields.filter(({ number }) => number === 1).length === 2;
    if (!(isFloat && isMatrix)) {
      spoiled.copy(part);
      continue;
    }
    const tensor = new Message().copy(...fields.filter(({ number }) => number !== 9));
    const raw = fields.find(({ number }) => number === 9)!;
    spoiled.message(
      GRAPH.initializer,
      tensor.bytes(9, new Uint8Array(new Float32Array(raw.content.length / 4).fill(Number.NaN).buffer)),
    );
  }
  return new Message()
    .copy(...model.filter((field) => field !== graph))
    .message(MODEL.graph, spoiled)
    .encode();
}

test("models that give NaN score 0 with one line each, however many steps there are", async () => {
  const broken: FixtureId[] = ["tiny-deberta-rm", "tiny-gpt-neo", "tiny-instruct", "tiny-roberta-hate"];
  const spoiled = writeFixtures(undefined, (onnx, id) => (broken.includes(id) ? spoilLogits(onnx) : onnx));
  const { inference, pipeline } = await open(spoiled.directory);
  const lines = await linesOf("error", async () => {
    for (let step = 0; step < 3; step++) {
      const { rewards, columns } = await pipeline.score(question(), ["whales breathe air", "a river"]);
      expect(rewards).toEqual([0, 0]);
      const raw = (name: string) => columns.find((column) => column.name === name)?.raw;
      expect(raw("rlhf_reward_model")).toEqual([null, null]);
      expect(raw("dpo_reward_model")).toEqual([-11, -11]);
      expect(raw("nsfw_filter")).toEqual([null, null]);
      expect(raw("reciprocate_reward_model")).not.toContain(null);
    }
  });
  // dpo, rlhf, prompt and nsfw.
  expect(lines).toHaveLength(4);
  await inference.stop();
  spoiled.remove();
});

test("a worker killed in the middle of a batch costs one line, not the step", async () => {
  const { inference, pipeline } = await open(healthy.directory);
  const completions = Array.from({ length: ANSWERS }, (_, index) => `${index} water `.repeat(3000));
  const undisturbed = await pipeline.score(question(), completions);
  const again = createPipeline(PROFILE, { models: inference });
  const pid = inference.workerPid!;
  const lines = await linesOf("warn", async () => {
    const scoring = again.score(question(), completions);
    await sleep(30);
    process.kill(pid, "SIGKILL");
    expect((await scoring).rewards).toEqual(undisturbed.rewards);
  });
  expect(inference.workerPid).not.toBe(pid);
  expect(lines.filter((line) => line.includes("is sent again"))).toHaveLength(1);
  await inference.stop();
});
