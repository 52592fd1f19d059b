import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import { InferenceSession, type Tensor } from "onnxruntime-node";
import { Classifier } from "../../../src/inference/graph/classifier.ts";
import { Encoder } from "../../../src/inference/graph/encoder.ts";
import { LanguageModel } from "../../../src/inference/graph/language.ts";
import { findModel } from "../../../src/models/model-files.ts";
import { ELEMENT } from "../../../src/models/onnx/onnx.ts";
import { type FixtureId, transformerOf, writeFixtures } from "../../fixtures/models.ts";
import { buildTransformer, type Transformer } from "../../fixtures/transformer.ts";

const PROMPT =
  "Tell me how a river comes from the mountains to the sea, and what it takes along on its way: ";
const ENDINGS = ["water", "sand, stones and trees", "It takes all.", "?", "What a long way that is.", "sand"];
const PENALTY = 1.2;

const folders: { remove: () => void }[] = [];
afterAll(() => {
  run.mockRestore();
  for (const folder of folders) folder.remove();
});

/** A fixture on the CPU, with a graph that differs from the usual one. */
async function stored(id: FixtureId, changed: Partial<Transformer> = {}) {
  const folder = writeFixtures([id], () => buildTransformer({ ...transformerOf(id), ...changed }));
  folders.push(folder);
  return await findModel(id, folder.directory);
}

type Feeds = Record<string, Tensor>;
// It is a class, though its type shows a factory only.
const { prototype } = InferenceSession as unknown as { prototype: InferenceSession };
const run = spyOn(prototype, "run");
const original = run.getMockImplementation();
afterEach(() => {
  if (original) run.mockImplementation(original);
});

/** What some work gives, and how many tokens went through the graph for it, padding included. */
async function counted<T>(work: () => Promise<T>): Promise<{ result: T; tokens: number }> {
  run.mockClear();
  const result = await work();
  const sizes = run.mock.calls.map(([feeds]) => (feeds as Feeds).input_ids!.dims);
  return { result, tokens: sizes.reduce((sum, [rows, width]) => sum + rows! * width!, 0) };
}

async function oneByOne<T>(items: readonly T[], work: (items: T[]) => Promise<Float32Array>) {
  const found: number[] = [];
  for (const item of items) found.push(...(await work([item])));
  return found;
}

function expectClose(ours: Float32Array, theirs: readonly number[], tolerance: number): void {
  expect(ours).toHaveLength(theirs.length);
  for (const [at, number] of ours.entries()) expect(Math.abs(number - theirs[at]!)).toBeLessThan(tolerance);
}

const PAIRS = ENDINGS.map((completion) => ({ prompt: PROMPT, completion }));
const PROMPTS = ENDINGS.map((text) => [
  { text: PROMPT, isOurs: false },
  { text, isOurs: false },
]);

/** Whether log-probabilities of one prompt are those of the pairs on their own, and computed with fewer tokens. */
async function compare(model: LanguageModel): Promise<{ largest: number; part: number }> {
  const together = await counted(() => model.logProb(PAIRS, PENALTY));
  const apart = await counted(() => oneByOne(PAIRS, (pairs) => model.logProb(pairs, PENALTY)));
  const differences = [...together.result].map((number, at) => Math.abs(number - apart.result[at]!));
  return { largest: Math.max(...differences), part: together.tokens / apart.tokens };
}

describe("rows that begin alike", () => {
  test("have the log-probabilities that they have alone, for a third of the tokens", async () => {
    const { largest, part } = await compare(await LanguageModel.load(await stored("tiny-gpt-neo"), "cpu"));
    expect(largest).toBeLessThan(1e-5);
    expect(part).toBeLessThan(0.4);
  });

  test("have the digits that they have alone", async () => {
    const model = await LanguageModel.load(await stored("tiny-gpt-neo"), "cpu");
    const { result, tokens } = await counted(() => model.digitScores(PROMPTS));
    const apart = await counted(() => oneByOne(PROMPTS, (prompts) => model.digitScores(prompts)));
    expectClose(result, apart.result, 1e-5);
    expect(tokens).toBeLessThan(0.4 * apart.tokens);
  });

  test("have the reward that they have alone", async () => {
    const model = await Classifier.load(await stored("tiny-qwen3-rm"), "cpu");
    const classify = async (templates: typeof PROMPTS): Promise<Float32Array> =>
      (await model.classify(templates.map((template) => ({ template })))).logits;
    const { result, tokens } = await counted(() => classify(PROMPTS));
    const apart = await counted(() => oneByOne(PROMPTS, classify));
    expectClose(result, apart.result, 1e-5);
    expect(tokens).toBeLessThan(0.4 * apart.tokens);
  });

  test("share a cache of 16-bit floats too", async () => {
    const changed = { cacheElement: ELEMENT.float16 };
    const { largest, part } = await compare(
      await LanguageModel.load(await stored("tiny-gpt-neo", changed), "cpu"),
    );
    // Only what comes out of the cache was rounded to 16 bits.
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(1e-2);
    expect(part).toBeLessThan(0.4);
  });

  test("are computed whole where the graph has no cache", async () => {
    const { largest, part } = await compare(
      await LanguageModel.load(await stored("tiny-gpt-neo", { hasCache: false }), "cpu"),
    );
    expect(largest).toBeLessThan(1e-5);
    expect(part).toBeGreaterThanOrEqual(1);
  });

  test.each(["mixed up", "for one token only"] as const)(
    "are computed whole where the graph's cache is %s",
    async (brokenCache) => {
      const { largest, part } = await compare(
        await LanguageModel.load(await stored("tiny-gpt-neo", { brokenCache }), "cpu"),
      );
      expect(largest).toBeLessThan(1e-5);
      expect(part).toBeGreaterThanOrEqual(1);
    },
  );

  test("are computed whole where there is no memory beside their prefix", async () => {
    const model = await LanguageModel.load(await stored("tiny-gpt-neo"), "cpu");
    const pairs = ["water", "stone", "trees", "sands"].map((completion) => ({ prompt: PROMPT, completion }));
    const expected = await oneByOne(pairs, (items) => model.logProb(items, PENALTY));
    let refused = 0;
    run.mockImplementation(async function (this: InferenceSession, feeds: unknown, ...rest: unknown[]) {
      const { dims } = (feeds as Feeds)["shared_past_key_values.0.key"]!;
      if (dims[2]! > 0) {
        refused++;
        throw new Error("failed to allocate memory for requested buffer");
      }
      return await (original as never as (...values: unknown[]) => unknown).call(this, feeds, ...rest);
    } as never);
    expectClose(await model.logProb(pairs, PENALTY), expected, 1e-5);
    // All four, two of them, and one.
    expect(refused).toBe(3);
  });
});

describe("rows that are the same", () => {
  test("are computed once, and all get the result", async () => {
    const encoder = await Encoder.load(await stored("tiny-mpnet"), "cpu");
    const single = await counted(() => encoder.embed(["water for the world", "stake"]));
    const copied = await counted(() =>
      encoder.embed(["stake", "water for the world", "stake", "Water for the world", "stake"]),
    );
    expect(copied.tokens).toBe(single.tokens);
    const size = encoder.dimensions;
    const [water, stake] = [single.result.vectors.slice(0, size), single.result.vectors.slice(size)];
    for (const [at, expected] of [stake, water, stake, water, stake].entries())
      expect(copied.result.vectors.slice(at * size, (at + 1) * size)).toEqual(expected);
  });

  test("of a language model get one log-probability", async () => {
    const model = await LanguageModel.load(await stored("tiny-gpt-neo"), "cpu");
    const [pair, other] = PAIRS;
    const single = await counted(() => model.logProb([pair!, other!], PENALTY));
    const copied = await counted(() => model.logProb([pair!, pair!, other!, pair!], PENALTY));
    expect(copied.tokens).toBe(single.tokens);
    const [a, b] = single.result;
    expect([...copied.result]).toEqual([a!, a!, b!, a!]);
  });

  test("as a pair are not taken for another pair of the same tokens", async () => {
    const model = await Classifier.load(await stored("tiny-deberta-rm"), "cpu");
    // The separator's place tells the pairs apart.
    const { logits } = await model.classify([{ pair: ["a b", "c"] }, { pair: ["a", "b c"] }]);
    expect(logits[0]).not.toBe(logits[1]);
  });
});
