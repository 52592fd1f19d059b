import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ClassifierInput } from "../../src/inference/protocol.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { cosine } from "../../src/rewards/cosine.ts";
import { hateScore } from "../../src/rewards/masks/nsfw.ts";
import { negativeRmse } from "../../src/rewards/masks/relevance.ts";
import { DahoasReward } from "../../src/rewards/models/dahoas.ts";
import { DpoReward } from "../../src/rewards/models/dpo.ts";
import { PreferenceReward } from "../../src/rewards/models/preference.ts";
import type { RewardModel } from "../../src/rewards/parts.ts";
import { FIXTURE_IDS, type FixtureId, writeFixtures } from "../fixtures/models.ts";
import golden from "../golden/rewards-models.json";
import { swiftshaderEnvironment } from "../swiftshader.ts";
import { question } from "./questions.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

type Case = (typeof golden.cases)[number];
const fixtures = writeFixtures();
afterAll(() => fixtures.remove());

/** Largest difference between ours and Python's for one column; NaN counts as infinitely wrong. */
function difference(
  cases: readonly Case[],
  ours: readonly number[],
  column: Exclude<keyof Case, "digits">,
): number {
  expect(ours).toHaveLength(cases.length);
  return Math.max(
    ...ours.map((value, at) => {
      const off = Math.abs(value - Number(cases[at]![column]));
      return Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    }),
  );
}

/** Scores every case, those of one prompt in one batch. */
async function scores(cases: readonly Case[], model: RewardModel): Promise<number[]> {
  const found: number[] = [];
  for (const prompt of new Set(cases.map((item) => item.prompt))) {
    const rows = [...cases.keys()].filter((row) => cases[row]!.prompt === prompt);
    const values = await model.score(
      question({ prompt }),
      rows.map((row) => cases[row]!.completion),
    );
    for (const [at, row] of rows.entries()) found[row] = values[at]!;
  }
  return found;
}

/** All roles on one device against numbers that test/golden/rewards-models/make.py made with PyTorch. */
function meetsPython(
  cases: readonly Case[],
  open: () => Promise<InferenceSupervisor>,
  tolerance: number,
): void {
  let inference: InferenceSupervisor;
  beforeAll(async () => {
    inference = await open();
  });
  afterAll(async () => await inference.stop());

  const classify = (id: FixtureId) => (inputs: ClassifierInput[]) => inference.classify(id, inputs);

  test("by the pair reward, cut longest first", async () => {
    const model = new PreferenceReward("rlhf_reward_model", classify("tiny-deberta-rm"));
    expect(difference(cases, await scores(cases, model), "rlhf")).toBeLessThan(tolerance);
  });

  test("by the reward on a conversation, whose own special tokens are real", async () => {
    const model = new PreferenceReward("reciprocate_reward_model", classify("tiny-qwen3-rm"));
    expect(difference(cases, await scores(cases, model), "reciprocate")).toBeLessThan(tolerance);
  });

  test("by the difference of two values", async () => {
    const model = new DahoasReward(classify("tiny-gptj-rm"));
    expect(difference(cases, await scores(cases, model), "dahoas")).toBeLessThan(tolerance);
  });

  test("by the log-probability with its penalty of repetition, and where it is −11", async () => {
    const model = new DpoReward((pairs, penalty) => inference.logProb("tiny-gpt-neo", pairs, penalty));
    const ours = await scores(cases, model);
    expect(difference(cases, ours, "dpo")).toBeLessThan(tolerance);
    const lowest = ours.filter((score) => score === -11).length;
    expect(lowest).toBeGreaterThan(2);
    expect(lowest).toBeLessThan(cases.length / 2);
  });

  test("by the logits of the digits, in the model's own form of a question", async () => {
    const rows = await inference.digitScores(
      "tiny-instruct",
      cases.map(({ prompt, completion }) => [
        { text: prompt, isOurs: false },
        { text: "\n", isOurs: true },
        { text: completion, isOurs: false },
        { text: "\nMark: ", isOurs: true },
      ]),
    );
    const off = rows.map((row, at) => row.map((logit, digit) => Math.abs(logit - cases[at]!.digits[digit]!)));
    expect(rows.every(({ length }) => length === 10)).toBe(true);
    for (const distances of off) for (const distance of distances) expect(distance).toBeLessThan(tolerance);
  });

  test("by the hate score of texts in pieces", async () => {
    const rows = await inference.classify(
      "tiny-roberta-hate",
      cases.map(({ completion }) => ({ pieces: completion })),
    );
    expect(Math.max(...rows.map(({ length }) => length))).toBeGreaterThan(4);
    expect(
      difference(
        cases,
        rows.map((pieces) => hateScore(pieces, "against")),
        "nsfw",
      ),
    ).toBeLessThan(tolerance);
  });

  test("by both measures of relevance", async () => {
    const embedded = async (id: FixtureId): Promise<[Float32Array, Float32Array][]> => {
      const vectors = await inference.embed(
        id,
        cases.flatMap(({ prompt, completion }) => [prompt, completion]),
      );
      return cases.map((_, at) => [vectors[2 * at]!, vectors[2 * at + 1]!]);
    };
    const bert = await embedded("tiny-bert");
    expect(
      difference(
        cases,
        bert.map(([a, b]) => negativeRmse(a, b)),
        "rmse",
      ),
    ).toBeLessThan(tolerance);
    const mpnet = await embedded("tiny-mpnet");
    expect(
      difference(
        cases,
        mpnet.map(([a, b]) => cosine(a, b)),
        "cosine",
      ),
    ).toBeLessThan(tolerance);
  });
}

test("the table has texts of all kinds, and scores that differ", () => {
  const { cases } = golden;
  expect(cases.length).toBeGreaterThanOrEqual(50);
  for (const column of ["rlhf", "reciprocate", "dpo", "nsfw", "cosine"] as const)
    expect(new Set(cases.map((item) => item[column].toFixed(2))).size).toBeGreaterThan(20);
});

describe("on the CPU, Python's numbers are met", () => {
  const options = { device: "cpu", models: FIXTURE_IDS, modelDirectory: fixtures.directory } as const;
  meetsPython(golden.cases, () => InferenceSupervisor.start({ ...options, models: [...FIXTURE_IDS] }), 1e-4);
});

const environment = swiftshaderEnvironment();
describe.skipIf(environment === undefined)("on WebGPU, Python's numbers are met", () => {
  // SwiftShader needs a second for what the CPU does in ten milliseconds.
  meetsPython(
    golden.cases.filter((_, at) => at % 3 === 0 || at > 45),
    () =>
      InferenceSupervisor.start({
        device: "webgpu",
        models: [...FIXTURE_IDS],
        modelDirectory: fixtures.directory,
        environment,
      }),
    1e-3,
  );
});
