import { InferenceSession, Tensor } from "onnxruntime-node";
import { ELEMENT, GRAPH, MODEL, node, value } from "../../models/onnx/onnx.ts";
import { Message } from "../../models/onnx/wire.ts";

const ORT_LOG_FATAL = 4;

/** IR version and operator set that every ONNX Runtime since 1.14 reads. */
const IR_VERSION = 8;
const OPSET = 17;

/**
 * The ONNX file of y = x + x in 16-bit floats, shape [4]. What goes in and out is 32 bits wide: Bun hands a 16-bit typed
 * array to a native library as an empty one.
 */
function additionInF16(): Uint8Array {
  const graph = new Message()
    .message(GRAPH.node, node("Cast", ["x"], ["half"], { to: ELEMENT.float16 }))
    .message(GRAPH.node, node("Add", ["half", "half"], ["sum"]))
    .message(GRAPH.node, node("Cast", ["sum"], ["y"], { to: ELEMENT.float }))
    .text(GRAPH.name, "f16")
    .message(GRAPH.input, value("x", ELEMENT.float, [4]))
    .message(GRAPH.output, value("y", ELEMENT.float, [4]));
  return new Message()
    .integer(MODEL.irVersion, IR_VERSION)
    .message(MODEL.graph, graph)
    .message(MODEL.opset, new Message().integer(2, OPSET))
    .encode();
}

/**
 * Whether WebGPU computes in 16-bit floats here. A driver's word is not enough: Dawn hides the feature on some.
 * A device that refuses says so only when it runs.
 */
export async function hasWorkingF16(provider: "webgpu" | "cpu" = "webgpu"): Promise<boolean> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(additionInF16(), {
      executionProviders: [provider],
      logSeverityLevel: ORT_LOG_FATAL,
    });
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]) });
    return y !== undefined && [...(y.data as Float32Array)].join() === "2,4,6,8";
  } catch {
    // Any refusal is the answer "no".
    return false;
  } finally {
    await session?.release();
  }
}
