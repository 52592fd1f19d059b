import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { InferenceSupervisor } from "../../../src/inference/supervisor.ts";
import { availableMemoryBytes } from "../../../src/inference/worker/memory.ts";
import { ELEMENT, GRAPH, MODEL, node, tensor, value } from "../../../src/models/onnx/onnx.ts";
import { fieldsOf, Message } from "../../../src/models/onnx/wire.ts";
import { writeFixtures } from "../../fixtures/models.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

/** Numbers that a run of one row asks for; n rows ask for the nth power: two are a few megabytes. */
const GROWTH = 1000;
/** And no run for more than these, which are terabytes. */
const MOST = GROWTH ** 4;

/** A model whose second output takes so much memory that no machine runs four rows at once. */
function burden(onnx: Uint8Array): Uint8Array {
  const model = fieldsOf(onnx);
  const graph = model.find(({ number }) => number === MODEL.graph)!;
  const edited = new Message()
    .copy(...fieldsOf(graph.content))
    .message(GRAPH.node, node("Shape", ["input_ids"], ["burden_shape"]))
    .message(GRAPH.node, node("Gather", ["burden_shape", "burden_first"], ["burden_rows"]))
    .message(GRAPH.node, node("Cast", ["burden_rows"], ["burden_power"], { to: ELEMENT.float }))
    .message(GRAPH.node, node("Pow", ["burden_growth", "burden_power"], ["burden_size"]))
    .message(GRAPH.node, node("Min", ["burden_size", "burden_most"], ["burden_bounded"]))
    .message(GRAPH.node, node("Cast", ["burden_bounded"], ["burden_count"], { to: ELEMENT.int64 }))
    .message(GRAPH.node, node("ConstantOfShape", ["burden_count"], ["burden_numbers"]))
    .message(GRAPH.node, node("ReduceMax", ["burden_numbers"], ["burden"], { keepdims: 1 }))
    .message(GRAPH.initializer, tensor("burden_first", [1], BigInt64Array.of(0n)))
    .message(GRAPH.initializer, tensor("burden_growth", [1], Float32Array.of(GROWTH)))
    .message(GRAPH.initializer, tensor("burden_most", [1], Float32Array.of(MOST)))
    .message(GRAPH.output, value("burden", ELEMENT.float, [1]));
  return new Message()
    .copy(...model.filter((field) => field !== graph))
    .message(MODEL.graph, edited)
    .encode();
}

const light = writeFixtures(["tiny-deberta-rm"]);
const heavy = writeFixtures(["tiny-deberta-rm"], burden);
afterAll(() => {
  light.remove();
  heavy.remove();
});

test("a batch that there is no memory for is halved until it runs, and all later ones with it", async () => {
  const open = (modelDirectory: string): Promise<InferenceSupervisor> =>
    InferenceSupervisor.start({ device: "cpu", models: ["tiny-deberta-rm"], modelDirectory });
  // Of one length, so that they share a batch.
  const inputs = Array.from({ length: 8 }, (_, at) => ({
    pair: ["a river", `sea ${at}`] as [string, string],
  }));
  const roomy = await open(light.directory);
  const expected = await roomy.classify("tiny-deberta-rm", inputs);
  await roomy.stop();
  const tight = await open(heavy.directory);
  const pid = tight.workerPid;
  for (let step = 0; step < 2; step++) {
    const found = await tight.classify("tiny-deberta-rm", inputs);
    for (const [at, [row]] of found.entries()) expect(row![0]!).toBeCloseTo(expected[at]![0]![0]!, 5);
  }
  expect(tight.workerPid).toBe(pid);
  await tight.stop();
});

test("the memory of this machine is a number to go by", () => {
  const bytes = availableMemoryBytes();
  expect(Number.isFinite(bytes)).toBe(true);
  expect(bytes).toBeGreaterThan(50e6);
});
