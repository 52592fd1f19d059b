import { expect, test } from "bun:test";
import { Classifier } from "../../../src/inference/graph/classifier.ts";
import { editGraph, type GraphEdit } from "../../../src/inference/graph/edit.ts";
import { buildFromFolder } from "../../../src/models/built-model.ts";
import { readCatalog } from "../../../src/models/catalog.ts";
import type { Dtype } from "../../../src/models/manifest.ts";
import { findModel } from "../../../src/models/model-files.ts";
import { nodeKinds } from "../../../src/models/onnx/node-kinds.ts";
import { GRAPH, node } from "../../../src/models/onnx/onnx.ts";
import { readNode } from "../../../src/models/onnx/read.ts";
import { fieldsOf, Message } from "../../../src/models/onnx/wire.ts";
import { tinyModel, writeTinySource } from "../../models/trials/tiny-sources.ts";
import { scratchFolders } from "../../scratch.ts";

const scratch = scratchFolders("rows-apart");
const QUESTION = "what is a river";
const ANSWERS = ["water", "it is water on its way to the sea", "9 9 9 9 9 9 9 9", "~~~~", "no", "a whale"];
/** Of sums in 32 bits that are added in another order. */
const ROUNDING = 1e-6;

/**
 * Puts what the last matrix is multiplied with into 8 bits with one scale for all rows, as exports for transformers.js do
 * with every activation.
 */
const withOneScale: GraphEdit = (parts) => {
  const last = parts.findLast(
    ({ number, content }) => number === GRAPH.node && readNode(content).operator === "MatMul",
  )!;
  const { inputs, outputs } = readNode(last.content);
  const added = new Message()
    .message(GRAPH.node, node("DynamicQuantizeLinear", [inputs[0]!], ["steps", "size", "zero"]))
    .message(GRAPH.node, node("DequantizeLinear", ["steps", "size", "zero"], ["rounded"]))
    .message(GRAPH.node, node("MatMul", ["rounded", inputs[1]!], outputs));
  return parts.flatMap((part) => (part === last ? fieldsOf(added.encode()) : [part]));
};

/** The reward model of `lite` in its architecture and head, with the weights of a tiny checkpoint. */
async function rewards(
  dtype: Dtype,
  edits: readonly GraphEdit[] = [],
): Promise<{ kinds: string[]; ask(answers: string[]): Promise<number[]> }> {
  const [source, directory] = [scratch(), scratch()];
  writeTinySource("deberta-v2", source);
  const model = tinyModel("deberta-v2", dtype);
  await buildFromFolder(directory, model, model.checkpoint!, source, { dtypes: [dtype] });
  const stored = await findModel(model.id, directory);
  const graph = stored.manifest.files.find(({ path }) => path.endsWith(".onnx"))!;
  const onnx = editGraph(await Bun.file(stored.pathOf(graph.path)).bytes(), edits);
  await Bun.write(stored.pathOf(graph.path), onnx);
  graph.size = onnx.length;
  graph.sha256 = new Bun.CryptoHasher("sha256").update(onnx).digest("hex");
  const classifier = await Classifier.load(stored, "cpu");
  return {
    kinds: nodeKinds(onnx).map(([kind]) => kind),
    async ask(answers) {
      const { logits } = await classifier.classify(answers.map((answer) => ({ pair: [QUESTION, answer] })));
      return [...logits];
    },
  };
}

const FORMS = readCatalog().find(({ id }) => id === "oa-deberta-v3-base")!.dtype.cpu;

const check = async (rows: Awaited<ReturnType<typeof rewards>>): Promise<void> => {
  const together = await rows.ask(ANSWERS);
  expect(new Set(together).size).toBe(ANSWERS.length);
  for (const [at, answer] of ANSWERS.entries()) {
    const [alone] = await rows.ask([answer]);
    expect(Math.abs(alone! - together[at]!)).toBeLessThan(ROUNDING);
  }
};

test.each([...new Set<Dtype>([...FORMS, "q8"])])(
  "an answer's score in %s is the same whatever other answers are asked of",
  async (dtype) => {
    const rows = await rewards(dtype);
    // They can run together.
    expect(rows.kinds).not.toContain("DynamicQuantizeLinear");
    await check(rows);
  },
);

test("so it is where 8 bits of an export are one scale for a whole run: rows run one by one", async () => {
  const rows = await rewards("fp32", [withOneScale]);
  expect(rows.kinds).toContain("DynamicQuantizeLinear");
  await check(rows);
});
