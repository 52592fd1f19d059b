import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sameDigits } from "../../src/analysis/insight/digits.ts";
import { diversity } from "../../src/analysis/insight/diversity.ts";
import { frequent } from "../../src/analysis/insight/frequent.ts";
import { layGround, type Scope } from "../../src/analysis/insight/ground.ts";
import { type Insight, insightOf } from "../../src/analysis/insight/insight.ts";
import { layTexts } from "../../src/analysis/insight/texts.ts";
import { openWarehouse } from "../../src/analysis/open-warehouse.ts";
import { scratchFolders } from "../scratch.ts";
import { stepLine } from "./lines.ts";

/**
 * Six steps of four miners, the last of which does not count: uid 0 answers, 1 copies it in the first two steps, 2 says
 * the same to every prompt and loses all of it to a mask in steps 2 and 5, and 3 is always too late.
 * Rewards: 0: 0.6 · 0.9 + 0.4 · 0.8 = 0.86; 1: (0.6 · 0.5 + 0.4 · 0.6) · 0.5 = 0.27; 2: 0.6 · 0.4 + 0.4 · 0.2 = 0.32.
 */
const JOURNAL = join(import.meta.dir, "../golden/analysis/events.jsonl");
const scratch = scratchFolders("insight");

async function asked(scope: Partial<Scope> = {}, words: string[] = [JOURNAL]): Promise<Insight> {
  const { warehouse, close } = await openWarehouse({
    words,
    own: () => "",
    downloads: "",
    temporary: scratch(),
    keeps: true,
  });
  try {
    return await insightOf(warehouse, { top: 10, ...scope });
  } finally {
    close();
  }
}

test("a mask that leaves all but a double's last digits hit nobody", async () => {
  const path = join(scratch(), "events.jsonl");
  const factors = [1 - 4e-16, 0.9991, 0.9989];
  writeFileSync(path, `${JSON.stringify(stepLine(1, { diversity_reward_model: factors }))}\n`);
  const { masks } = await asked({}, [path]);
  const told = masks.find(({ name }) => name === "diversity_reward_model")!;
  expect(told.hit).toBeCloseTo(1 / 3, 11);
  expect(told.mostHit).toHaveLength(1);
  expect(told.points.map(([, share]) => share)).toEqual([told.hit]);
});

test("numbers are told in the digits that do not hang on the order of a sum", () => {
  const sums = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1];
  expect(sums[0]).not.toBe(sums[1]);
  const [one, other] = sums.map((sum) =>
    JSON.stringify(
      sameDigits({ mean: [sum], gain: sum - 0.6, ms: 1e6 * sum, none: null, name: "x", at: 1764400000000 }),
    ),
  );
  expect(one).toBe(other!);
  expect(JSON.parse(one!)).toEqual({
    mean: [0.6],
    gain: 0,
    ms: 600000,
    none: null,
    name: "x",
    at: 1764400000000,
  });
});

test("what the router gained is told exactly where steps tell whom it chose", async () => {
  const path = join(scratch(), "events.jsonl");
  const steps = [
    stepLine(1, { routed: [1, 0, 0] }),
    stepLine(2, { routed: [0, 1, 1] }),
    stepLine(3, { routed: [1, 1, 1] }),
    stepLine(4, { routed: [1, 0, 0], counted: false }),
    stepLine(5),
  ];
  writeFileSync(path, steps.map((step) => `${JSON.stringify(step)}\n`).join(""));
  const { choices } = (await asked({}, [path])).routing;
  // 0.75 beside 0.125, and 0.125 beside 0.75.
  expect(choices).toEqual([
    { task: "answer", steps: 2, routed: 0.4375, drawn: 0.4375, gain: 0, error: expect.closeTo(0.625, 12) },
  ]);
});

describe("of a journal it is told", () => {
  let told: Insight;
  beforeAll(async () => {
    told = await asked();
  });

  test("how much was asked, answered and earned", () => {
    const { points, ...totals } = told.throughput;
    expect(totals).toEqual({
      steps: 6,
      uncounted: 1,
      asked: 24,
      answered: 18,
      hours: 5 / 60,
      stepsPerHour: 72,
      meanReward: expect.closeTo((3 * 0.3625 + 2 * 0.2825) / 5, 12),
    });
    expect(points.map(({ steps, asked: n, answered }) => [steps, n, answered])).toEqual([
      [3, 12, 9],
      [3, 12, 9],
    ]);
    expect([told.fromMs, told.toMs]).toEqual(
      [1, 6].map((n) => Date.parse("2026-01-01T12:00:00Z") + n * 60_000),
    );
  });

  test("who stands where, by the steps that counted", () => {
    expect(told.leaderboard).toEqual([
      standing(0, 1, 0.86, 1, 1, 0.4, 0.75),
      standing(1, 1, 0.27, 0, 2, 0.2, 0.25),
      standing(2, 1, 0.192, 0, 3, 0.1, null),
      standing(3, 0, 0, 0, null, 0, null),
    ]);
    expect(told.scores.map(({ uid, score, points }) => [uid, score, points.length])).toEqual([
      [0, 0.4, 1],
      [1, 0.2, 1],
      [2, 0.1, 1],
      [3, 0, 1],
    ]);
  });

  test("what the calls came to, and how long they took", () => {
    expect(told.calls.byStatus).toEqual([
      [200, 18],
      [408, 6],
    ]);
    expect(told.calls.miners[0]).toEqual({ uid: 3, calls: 6, byStatus: [[408, 6]] });
    expect(told.calls.latencies).toEqual([
      { uid: 2, answers: 6, p50: 3, p90: 3, p99: 3 },
      { uid: 1, answers: 6, p50: 2, p90: 2, p99: 2 },
      { uid: 0, answers: 6, p50: 1, p90: 1, p99: 1 },
    ]);
    expect(told.calls.histogram.reduce((sum, [, n]) => sum + n, 0)).toBe(18);
  });

  test("who says the same again, and who what others say", () => {
    expect(
      told.diversity.map((one) => [
        one.uid,
        one.distinct,
        one.distinctByLetters,
        one.distinctPrompts,
        one.shared,
      ]),
    ).toEqual([
      [2, 1, 1 / 6, 1, 0],
      [0, 1, 1, 1, 2 / 6],
      [1, 1, 1, 1, 2 / 6],
    ]);
    const { texts, copying, repeatedShare } = told.frequent;
    expect(repeatedShare).toBe(10 / 18);
    expect(texts.map((one) => [one.pattern, one.answers, one.uids, one.prompts, one.copiedSteps])).toEqual([
      ["repeated", 6, 1, 6, 0],
      ["copied", 2, 2, 1, 1],
      ["copied", 2, 2, 1, 1],
    ]);
    expect(texts[0]).toMatchObject({
      text: "The best answer is 1, whatever the question may be.",
      meanReward: expect.closeTo(0.192, 12),
      bestReward: expect.closeTo(0.32, 12),
    });
    expect(copying).toEqual([
      { uid: 1, original: 0, steps: 2, share: 2 / 6, meanReward: expect.closeTo(0.27, 12) },
    ]);
  });

  test("how the numbers lie and go together", () => {
    expect(told.distributions.map(({ name }) => name)).toEqual([
      "reward",
      "dpo_reward_model",
      "dpo_reward_model_normalized",
      "rlhf_reward_model",
      "rlhf_reward_model_normalized",
    ]);
    expect(told.distributions[1]).toMatchObject({
      answers: 15,
      mean: -2,
      min: -3,
      p10: -3,
      p50: -2,
      p90: -1,
      max: -1,
    });
    expect(told.distributions[0]!.bins).toEqual([2, 0, 0, 0, 0, 5, 3, ...new Array(10).fill(0), 5, 0, 0]);
    const { names, matrix } = told.correlation;
    const of = (a: string, b: string) => matrix[names.indexOf(a)]![names.indexOf(b)];
    expect(of("reward", "reward")).toBe(1);
    // The slower a miner of these, the worse its dpo number.
    expect(of("dpo_reward_model", "seconds")).toBeCloseTo(-1, 12);
    expect(of("seconds", "dpo_reward_model")).toBe(of("dpo_reward_model", "seconds")!);
  });

  test("what the masks cost", () => {
    const [first, second] = told.masks;
    expect(first).toMatchObject({
      name: "diversity_reward_model",
      answers: 15,
      hit: 5 / 15,
      zeroed: 0,
      factor: expect.closeTo(12.5 / 15, 12),
      mostHit: [[1, 1]],
    });
    expect(second).toMatchObject({
      name: "relevance_filter",
      hit: 2 / 15,
      zeroed: 2 / 15,
      byTask: { augment: 0, followup: 2 / 6, answer: 0 },
      mostHit: [[2, 2 / 5]],
    });
  });

  test("how far shadow scores agree", () => {
    // By hand: Spearman of [0.9, 0.5, 0.1] and [0.86, 0.27, 0.32] is 0.5; of [0.1, 0.5, 0.9] it is −0.5, and −1 and 1
    // where the third reward is 0.
    expect(told.agreement).toEqual([
      {
        name: "shadow_prompt_reward_model",
        all: { steps: 5, answers: 15, rankCorrelation: expect.closeTo(0.1, 12), sameBest: 3 / 5 },
        byTask: {
          augment: { steps: 2, answers: 6, rankCorrelation: expect.closeTo(0, 12), sameBest: 0.5 },
          followup: { steps: 2, answers: 6, rankCorrelation: expect.closeTo(0, 12), sameBest: 0.5 },
          answer: { steps: 1, answers: 3, rankCorrelation: expect.closeTo(0.5, 12), sameBest: 1 },
        },
      },
    ]);
  });

  test("what was put on chain, and what the router brought", () => {
    expect(told.weights.byState).toEqual({ included: 1 });
    expect(told.weights.submissions).toMatchObject([
      { block: 1040, uids: 2, largest: 0.75, correlation: expect.closeTo(1, 12) },
    ]);
    expect(told.weights.last).toEqual([
      { uid: 0, weight: 0.75, score: 0.4, scoreShare: expect.closeTo(0.4 / 0.7, 12) },
      { uid: 1, weight: 0.25, score: 0.2, scoreShare: expect.closeTo(0.2 / 0.7, 12) },
    ]);
    expect([told.routing.firstLoss, told.routing.lastLoss]).toEqual([0.1, 0.1 / 6]);
    expect(told.routing.gains.map(({ explore, task, steps }) => [explore, task, steps])).toEqual([
      [1, "answer", 1],
      [1, "augment", 2],
      [1, "followup", 2],
    ]);
    expect(told.routing.choices).toEqual([]);
    for (const { gain } of told.routing.gains) expect(gain).toBeCloseTo(0, 12);
  });

  test("where the time goes, and how the runs compare", () => {
    expect(told.stages.stages.map(({ name, mean, share }) => [name, mean, share])).toEqual([
      ["choose", 10, 10 / 5500],
      ["ask", 4000, 4000 / 5500],
      ["judge", 935, 0.17],
      ["train", 50, 50 / 5500],
      ["save", 5, 5 / 5500],
      ["queue", 20, null],
      ["compute", 700, null],
    ]);
    expect(told.stages.parts.map(({ name, p50 }) => [name, p50])).toEqual([
      ["rlhf_reward_model", 800],
      ["relevance_filter", 100],
    ]);
    expect(told.runs).toMatchObject({
      count: 1,
      runs: [
        {
          run: "run-a",
          program: "0.2.0",
          profile: "legacy",
          stopReason: "signal",
          steps: 6,
          success: 0.75,
        },
      ],
      settings: [],
    });
  });
});

test("a scope leaves out what is older, of another name, or of another miner", async () => {
  const recent = await asked({ sinceMs: Date.parse("2026-01-01T12:04:00Z") });
  expect(recent.throughput.steps).toBe(3);
  const followups = await asked({ name: "followup" });
  expect(followups.throughput.steps).toBe(2);
  expect((await asked({ name: "answer0" })).throughput.steps).toBe(2);
  const one = await asked({ uid: 1 });
  expect(one.leaderboard.map(({ uid }) => uid)).toEqual([1]);
  expect(one.scores.map(({ uid }) => uid)).toEqual([1]);
  expect(one.frequent.copying).toMatchObject([{ uid: 1, original: 0 }]);
  expect(one.distributions[0]).toMatchObject({ name: "reward", answers: 5, min: 0.27, max: 0.27 });
});

test("steps of two months have as many points as fit, each at its time", async () => {
  const step = (await Bun.file(JOURNAL).text()).split("\n").find((line) => line.includes('"kind":"step"'))!;
  const start = Date.parse("2026-01-01T00:00:00Z");
  const steps = Array.from({ length: 40 }, (_, at) => {
    const time = new Date(start + at * 1.5 * 86_400_000).toISOString();
    return JSON.stringify({ ...JSON.parse(step), sequence: at + 1, step: at + 1, time });
  });
  const path = join(scratch(), "long.jsonl");
  await Bun.write(path, `${steps.join("\n")}\n`);
  const { throughput, masks, frequent } = await asked({}, [path]);
  expect(throughput.points.map((point) => point.steps)).toEqual(new Array(8).fill(5));
  expect(throughput.points.at(-1)!.ms).toBeGreaterThan(start + 50 * 86_400_000);
  expect(masks[0]!.points).toHaveLength(8);
  expect(frequent.texts[0]!.points.map(([, answers]) => answers).reduce((sum, n) => sum + n)).toBe(80);
});

test("columns may have any name, and as many as they like", async () => {
  const text = await Bun.file(JOURNAL).text();
  const strange = ["UID", "reward", "length", "n1", "id", 'x"; DROP TABLE steps; --', "a'b"];
  const many = Array.from({ length: 300 }, (_, at) => `column ${at}`);
  const columns = Object.fromEntries([...strange, ...many].map((name) => [name, [1, 0.5, 0, null]]));
  const path = join(scratch(), "strange.jsonl");
  await Bun.write(
    path,
    text
      .split("\n")
      .map((line) =>
        line.includes('"kind":"step"') ? JSON.stringify({ ...JSON.parse(line), ...columns }) : line,
      )
      .join("\n"),
  );
  const told = await asked({}, [path]);
  expect(told.throughput.steps).toBe(6);
  expect(told.masks.length).toBeGreaterThan(20);
  expect(told.masks.length).toBeLessThan(50);
});

test("nothing within the scope is told as nothing", async () => {
  const none = await asked({ name: "nobody asked this" });
  expect(none.throughput).toMatchObject({
    steps: 0,
    asked: 0,
    stepsPerHour: null,
    meanReward: null,
    points: [],
  });
  expect(none.leaderboard).toEqual([]);
  expect(none.frequent).toEqual({ repeatedShare: 0, texts: [], templates: [], copying: [] });
  expect(none.correlation.matrix[0]![1]).toBeNull();
  expect(none.runs.runs).toEqual([]);
});

function standing(
  uid: number,
  success: number,
  meanReward: number,
  bestShare: number,
  latency: number | null,
  score: number,
  weight: number | null,
) {
  const rest = { bestShare, latency, score, weight };
  return { uid, miner: `hk${uid}`, asked: 6, success, meanReward: expect.closeTo(meanReward, 12), ...rest };
}

test("texts are told the same in however many pieces they are grouped", async () => {
  const lines = Array.from({ length: 60 }, (_, at) =>
    stepLine(at, {
      completions: [
        `The same beginning of many answers, which then ends with ${"abcdefg"[at % 7]}`,
        "One",
        `${at}`,
      ],
    }),
  );
  const path = join(scratch(), "events.jsonl");
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  const { warehouse, close } = await openWarehouse({
    words: [path],
    own: () => "",
    downloads: "",
    temporary: scratch(),
    keeps: true,
  });
  try {
    const ground = await layGround(warehouse, { top: 10 });
    const told = [];
    for (const pieces of [1, 2, 7]) {
      await layTexts({ ...ground, pieces });
      told.push({ diversity: await diversity(ground), frequent: await frequent(ground) });
    }
    expect(told[0]!.frequent.templates).toHaveLength(1);
    expect(told[0]!.frequent.texts.length).toBeGreaterThan(1);
    expect(told[1]).toEqual(told[0]!);
    expect(told[2]).toEqual(told[0]!);
  } finally {
    close();
  }
});
