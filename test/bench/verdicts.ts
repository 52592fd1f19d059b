import { readFileSync } from "node:fs";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { sentencesOf } from "../../src/prompts/sentences.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import type { RewardPipeline } from "../../src/rewards/pipeline.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";
import { kendall } from "./incentive/measures.ts";
import { drawAnswers } from "./incentive/subnet.ts";
import type { BenchRow } from "./row.ts";

const ANSWERS = Number(process.env.ANSWERS ?? 500);
const TASKS = ["followup", "answer", "augment"] as const;
/** Short texts of short sentences, whose answers are short: SwiftShader reads 25 tokens a second on two idle cores. */
const TEXT = { sentences: 4, words: { least: 5, most: 12 } } as const;
/** SwiftShader takes minutes for the texts of a step, longer than anything that is no hung device. */
const PATIENCE_MS = 3_600_000;
/** As --neuron.min_best_reward: what earns less is no ground for the next prompt. */
const WORTH = 0.05;

/**
 * What a GPU makes of 500 answers, good ones and attacks, beside what the CPU makes of them: all parts of the embedded profile, its
 * copies and its history of earlier answers as well. The GPU is SwiftShader, a Vulkan driver on the CPU, where it is installed.
 */
export async function benchVerdicts(): Promise<BenchRow[]> {
  const texts = shortTexts();
  const environment = swiftshaderEnvironment();
  const models = [EMBEDDED_MODEL];
  const cpu = await InferenceSupervisor.start({ device: "cpu", models });
  const gpu = await InferenceSupervisor.start({
    device: "webgpu",
    models,
    requestTimeoutMs: PATIENCE_MS,
    ...(environment && { environment }),
  });
  try {
    const open = (inference: InferenceSupervisor): RewardPipeline =>
      createPipeline(chosenProfile("embedded"), { models: inference });
    const [onCpu, onGpu] = [open(cpu), open(gpu)];
    const rewards: { cpu: number; gpu: number }[] = [];
    let otherBest = 0;
    for (let ask = 0; rewards.length < ANSWERS; ask++) {
      const task = TASKS[ask % TASKS.length]!;
      const { question, answers } = drawAnswers(task, texts, ask + 1);
      const asked = answers.slice(0, ANSWERS - rewards.length);
      const given = await onCpu.score(question, asked);
      const beside = await onGpu.score(question, asked);
      for (const [at, reward] of given.rewards.entries())
        rewards.push({ cpu: reward, gpu: beside.rewards[at]! });
      if (bestOf(given.rewards) !== bestOf(beside.rewards)) otherBest++;
      process.stderr.write(
        `  ${task}: ${rewards.length} answers, largest difference ${largest(rewards)} …\n`,
      );
    }
    const isOther = ({ cpu: a, gpu: b }: (typeof rewards)[number]): boolean => a >= WORTH !== b >= WORTH;
    return [
      { name: `answers judged by the CPU and by ${gpu.device.adapter}`, value: rewards.length, unit: "" },
      {
        name: "of them worth a next prompt",
        value: rewards.filter(({ cpu: a }) => a >= WORTH).length,
        unit: "",
      },
      { name: "worth it to one alone", value: rewards.filter(isOther).length, unit: "", goal: "0" },
      { name: "steps with another best answer", value: otherBest, unit: "", goal: "0" },
      { name: "largest difference of a reward", value: largest(rewards), unit: "" },
      {
        name: "τ of the two",
        value: kendall(
          rewards.map(({ cpu: a }) => a),
          rewards.map(({ gpu: b }) => b),
        ),
        unit: "",
      },
    ];
  } finally {
    await Promise.all([cpu.stop(), gpu.stop()]);
  }
}

function shortTexts(): string[] {
  const passages = readFileSync(new URL("../../src/prompts/sample/passages.jsonl", import.meta.url), "utf8");
  return passages
    .trim()
    .split("\n")
    .map((line) => {
      const sentences = sentencesOf(JSON.parse(line).text).filter((sentence) => {
        const { length } = sentence.split(" ");
        return length >= TEXT.words.least && length <= TEXT.words.most;
      });
      return sentences.slice(0, TEXT.sentences);
    })
    .filter(({ length }) => length === TEXT.sentences)
    .map((sentences) => sentences.join(" "));
}

const bestOf = (rewards: readonly number[]): number => rewards.indexOf(Math.max(...rewards));

function largest(rewards: readonly { cpu: number; gpu: number }[]): number {
  return Math.max(...rewards.map(({ cpu, gpu }) => Math.abs(cpu - gpu)));
}
