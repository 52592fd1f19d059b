import { expect, test } from "bun:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { numbersOf } from "../../../src/inference/graph/graph.ts";
import { hasWorkingF16 } from "../../../src/inference/worker/f16.ts";
import { ELEMENT, GRAPH, MODEL, node, value } from "../../../src/models/onnx/onnx.ts";
import { Message } from "../../../src/models/onnx/wire.ts";

test("the trial of 16-bit arithmetic succeeds where it is known to work", async () => {
  // ONNX Runtime's CPU provider computes it by way of 32 bits, so "no" would mean that the trial itself is wrong.
  expect(await hasWorkingF16("cpu")).toBe(true);
});

test("outputs of a model in 16-bit floats are read as numbers", async () => {
  const graph = new Message()
    .message(GRAPH.node, node("Cast", ["x"], ["y"], { to: ELEMENT.float16 }))
    .text(GRAPH.name, "halves")
    .message(GRAPH.input, value("x", ELEMENT.float, [3]))
    .message(GRAPH.output, value("y", ELEMENT.float16, [3]));
  const opset = new Message().integer(2, 17);
  const model = new Message()
    .integer(MODEL.irVersion, 8)
    .message(MODEL.graph, graph)
    .message(MODEL.opset, opset);
  const session = await InferenceSession.create(model.encode(), { executionProviders: ["cpu"] });
  const outputs = await session.run({ x: new Tensor("float32", Float32Array.of(1, -2.5, 0.5), [3]) });
  expect([...numbersOf(outputs, "y", 3)]).toEqual([1, -2.5, 0.5]);
  await session.release();
});
