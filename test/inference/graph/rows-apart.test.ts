import { expect, test } from "bun:test";
import { join } from "node:path";
import { Classifier } from "../../../src/inference/graph/classifier.ts";
import { buildFromFolder } from "../../../src/models/built-model.ts";
import { readCatalog } from "../../../src/models/catalog.ts";
import type { Dtype } from "../../../src/models/manifest.ts";
import { findModel } from "../../../src/models/model-files.ts";
import { nodeKinds } from "../../../src/models/onnx/node-kinds.ts";
import { tinyModel, writeTinySource } from "../../models/trials/tiny-sources.ts";
import { scratchFolders } from "../../scratch.ts";

const scratch = scratchFolders("rows-apart");
const QUESTION = "what is a river";
const ANSWERS = ["water", "it is water on its way to the sea", "9 9 9 9 9 9 9 9", "~~~~", "no", "a whale"];
/** Of sums in 32 bits that are added in another order. */
const ROUNDING = 1e-6;

/** The reward model of `lite` in its architecture and head, with the weights of a tiny checkpoint. */
async function rewards(
  dtype: Dtype,
): Promise<{ kinds: string[]; ask(answers: string[]): Promise<number[]> }> {
  const [source, directory] = [scratch(), scratch()];
  writeTinySource("deberta-v2", source);
  const model = tinyModel("deberta-v2", dtype);
  await buildFromFolder(directory, model, model.checkpoint!, source, { dtypes: [dtype] });
  const stored = await findModel(model.id, directory);
  const graph = stored.manifest.files.find(({ path }) => path.endsWith(".onnx"))!;
  const classifier = await Classifier.load(stored, "cpu");
  return {
    kinds: nodeKinds(Bun.mmap(join(directory, model.id, graph.path))).map(([kind]) => kind),
    async ask(answers) {
      const { logits } = await classifier.classify(answers.map((answer) => ({ pair: [QUESTION, answer] })));
      return [...logits];
    },
  };
}

const FORMS = readCatalog().find(({ id }) => id === "oa-deberta-v3-base")!.dtype.cpu;

test.each([...FORMS])(
  "an answer's score in %s is the same whatever other answers are asked of",
  async (dtype) => {
    const { ask } = await rewards(dtype);
    const together = await ask(ANSWERS);
    expect(new Set(together).size).toBe(ANSWERS.length);
    for (const [at, answer] of ANSWERS.entries()) {
      const [alone] = await ask([answer]);
      expect(Math.abs(alone! - together[at]!)).toBeLessThan(ROUNDING);
    }
  },
);

test("only where 8 bits are one scale for a whole run do rows run one by one", async () => {
  expect((await rewards("q8")).kinds).toContain("DynamicQuantizeLinear");
  for (const dtype of ["fp32", "q4"] as const)
    expect((await rewards(dtype)).kinds).not.toContain("DynamicQuantizeLinear");
});
