import { expect, test } from "bun:test";
import { builtBytes } from "../../src/models/built-model.ts";
import { originalOf, readCatalog } from "../../src/models/catalog.ts";
import type { Dtype } from "../../src/models/manifest.ts";
import { builtForm, estimatedForm, estimatedSource } from "../../src/models/model-sizes.ts";
import { totalOf } from "../../src/models/pull-plan.ts";
import { catalogEntry } from "./model-hub-double.ts";

const catalog = readCatalog();
const model = (id: string) => catalog.find((one) => one.id === id)!;

// Megabytes of what was built of weights of these shapes (models/README.md).
test.each([
  ["skywork-reward-v2-qwen3-0.6b", { fp32: 2390, q8: 610, q4: 900 }],
  ["skywork-reward-v2-qwen3-1.7b", { q8: 1770, q4: 2130 }],
  ["oa-deberta-v3-large-v2", { fp32: 1740, q8: 450, q4: 720 }],
  ["oa-deberta-v3-base", { fp32: 738, q8: 191 }],
  ["all-mpnet-base-v2", { fp32: 435.6, fp16: 217.8, q8: 113.3, q4: 149 }],
  ["smollm2-135m-instruct", { fp32: 538.7, fp16: 269.7, q8: 167.9, q4: 198.1 }],
] as [string, Partial<Record<Dtype, number>>][])("forms of %s are estimated within 4 %", (id, built) => {
  for (const [dtype, megabytes] of Object.entries(built)) {
    const share = estimatedForm(model(id), dtype as Dtype)! / (megabytes * 1e6);
    expect([dtype, share > 0.96 && share < 1.04]).toEqual([dtype, true]);
  }
});

test("every model that is built tells how many numbers it has, so that sizes are told without a network", () => {
  for (const one of catalog.filter(({ checkpoint }) => checkpoint !== undefined)) {
    expect([one.id, estimatedSource(one)! > 1e8]).toEqual([one.id, true]);
    for (const dtype of [...one.dtype.webgpu, ...one.dtype.cpu])
      expect(builtForm(one, dtype, 1e12)).toBe(estimatedForm(one, dtype)!);
  }
});

test("what is built is told by the model's numbers, not by a source that holds its head twice", () => {
  const qwen = originalOf(model("qwen3-0.6b"))!;
  const sourceBytes = estimatedSource(qwen)!;
  expect(sourceBytes).toBe(1_503_300_328);
  const { resultBytes, truthBytes } = builtBytes(qwen, sourceBytes, { dtypes: ["fp16"], isTried: true });
  // Twice as much in fp32 as in fp16, of which 1.19 GB were built.
  expect(resultBytes / 1.19e9).toBeWithin(1, 1.1);
  expect(truthBytes / 2.39e9).toBeWithin(1, 1.1);
});

test("what is built of a source that nobody counted is told as the most it may be", () => {
  const { parameters: _, ...uncounted } = originalOf(model("qwen3-0.6b"))!;
  expect(builtForm(uncounted, "fp16", 1e9)).toBe(1e9);
  expect(builtForm(uncounted, "fp32", 1e9)).toBe(2e9);
  expect(builtForm({ ...uncounted, checkpoint: { kind: "torch", files: [] } }, "q8", 1e9)).toBe(1.035e9);
});

test("pulls take the most of the disk in one of them, beside what those before left", () => {
  const plan = (download: number, result: number, peak: number) => ({
    model: { ...catalogEntry("0".repeat(40)), checkpoint: { kind: "safetensors" as const, files: [] } },
    dtypes: ["fp32" as const],
    isExact: true,
    isResultExact: false,
    download,
    result,
    peak,
  });
  const plans = [plan(10, 5, 20), plan(30, 20, 50), plan(1, 1, 2)];
  expect(totalOf(plans)).toEqual({ download: 41, result: 26, peak: 55, isExact: true, isResultExact: false });
  // Original weights that stay are there when the next is pulled.
  expect(totalOf(plans, true)).toMatchObject({ result: 67, peak: 67 });
});
