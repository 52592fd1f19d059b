import { expect, test } from "bun:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { editGraph } from "../../../src/inference/graph/edit.ts";
import { unpackMatrices } from "../../../src/inference/graph/unpacked.ts";
import { nodeKinds } from "../../../src/models/onnx/node-kinds.ts";
import { ELEMENT, GRAPH, MICROSOFT, MODEL, node, tensor, value } from "../../../src/models/onnx/onnx.ts";
import { Message } from "../../../src/models/onnx/wire.ts";

const [INPUTS, OUTPUTS, BLOCK] = [64, 3, 32];
/** As random as multiplication makes them. */
const byteAt = (at: number): number => ((at * 7919 + 13) * 104_729) % 256;
const steps = Uint8Array.from({ length: INPUTS * OUTPUTS }, (_, at) => byteAt(at));
const sizes = Float32Array.from({ length: steps.length / BLOCK }, (_, at) => 0.01 * (at + 1));

/** x [1, tokens, 64] times a matrix in bytes. */
function graph({ bias = true, twice = false, accuracy = 0 } = {}): Uint8Array {
  const product = (made: string) =>
    node(`${MICROSOFT}/MatMulNBits`, ["x", "steps", "sizes", ...(bias ? ["", "", "bias"] : [])], [made], {
      K: INPUTS,
      N: OUTPUTS,
      bits: 8,
      block_size: BLOCK,
      accuracy_level: accuracy,
    });
  const content = new Message()
    .text(GRAPH.name, "packed")
    .message(GRAPH.input, value("x", ELEMENT.float, [1, "tokens", INPUTS]))
    .message(GRAPH.output, value("y", ELEMENT.float, [1, "tokens", OUTPUTS]))
    .message(GRAPH.initializer, tensor("steps", [OUTPUTS, INPUTS / BLOCK, BLOCK], steps))
    .message(GRAPH.initializer, tensor("sizes", [sizes.length], sizes))
    .message(GRAPH.node, product(twice ? "once" : "y"));
  if (bias) content.message(GRAPH.initializer, tensor("bias", [OUTPUTS], Float32Array.of(1, -2, 3)));
  if (twice)
    content.message(GRAPH.node, product("again")).message(GRAPH.node, node("Add", ["once", "again"], ["y"]));
  return new Message()
    .integer(MODEL.irVersion, 8)
    .message(MODEL.graph, content)
    .message(MODEL.opset, new Message().integer(2, 17))
    .message(MODEL.opset, new Message().text(1, MICROSOFT).integer(2, 1))
    .encode();
}

async function run(onnx: Uint8Array): Promise<number[]> {
  const session = await InferenceSession.create(onnx, { executionProviders: ["cpu"] });
  const x = Float32Array.from({ length: 2 * INPUTS }, (_, at) => Math.sin(at));
  const { y } = await session.run({ x: new Tensor("float32", x, [1, 2, INPUTS]) });
  await session.release();
  return [...(y!.data as Float32Array)];
}
const kinds = (onnx: Uint8Array): string[] =>
  nodeKinds(onnx)
    .map(([kind]) => kind)
    .sort();

test.each([
  ["with a bias", { bias: true }, ["Add", "MatMul"]],
  ["without a bias", { bias: false }, ["MatMul"]],
  ["used twice", { twice: true }, ["Add", "MatMul"]],
] as const)("a matrix in bytes %s gives the same numbers as one in floats", async (_, shape, expected) => {
  const packed = graph(shape);
  const plain = editGraph(packed, [unpackMatrices]);
  expect(kinds(plain)).toEqual([...expected]);
  const [before, after] = [await run(packed), await run(plain)];
  expect(Math.max(...before.map(Math.abs))).toBeGreaterThan(1);
  for (const [at, number] of before.entries()) expect(Math.abs(number - after[at]!)).toBeLessThan(1e-5);
});

test("bytes that nothing reads any more leave the file", () => {
  const plain = new TextDecoder("latin1").decode(editGraph(graph(), [unpackMatrices]));
  expect(plain).not.toContain("steps");
  expect(plain).not.toContain("sizes");
});

test("a matrix whose activations are put into bytes stays", () => {
  const packed = graph({ accuracy: 4 });
  expect(editGraph(packed, [unpackMatrices])).toBe(packed);
});
