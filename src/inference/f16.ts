import { InferenceSession, Tensor } from "onnxruntime-node";

/** ONNX (onnx.proto): element type of 16-bit floats. */
const FLOAT16 = 10;
const FLOAT16_ONE = 0x3c00;
const FLOAT16_TWO = 0x4000;
const ORT_LOG_FATAL = 4;

function field(number: number, content: number | string | readonly number[]): number[] {
  if (typeof content === "number") return [number << 3, content];
  const bytes = typeof content === "string" ? [...Buffer.from(content)] : content;
  // One-byte lengths: no part of this model has 128 bytes.
  return [(number << 3) | 2, bytes.length, ...bytes];
}

/** The ONNX file of y = x + x in 16-bit floats, shape [4]. */
function additionInF16(): Uint8Array {
  const shape = field(2, field(1, field(1, 4)));
  const type = field(2, field(1, [...field(1, FLOAT16), ...shape]));
  const node = [...field(1, "x"), ...field(1, "x"), ...field(2, "y"), ...field(4, "Add")];
  const graph = [
    ...field(1, node),
    ...field(2, "f16"),
    ...field(11, [...field(1, "x"), ...type]),
    ...field(12, [...field(1, "y"), ...type]),
  ];
  return Uint8Array.from([...field(1, 8), ...field(7, graph), ...field(8, field(2, 17))]);
}

/**
 * Whether WebGPU computes in 16-bit floats here. A driver's word is not enough: Dawn hides the feature on some.
 * A device that refuses says so only when it runs.
 */
export async function hasWorkingF16(): Promise<boolean> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(additionInF16(), {
      executionProviders: ["webgpu"],
      logSeverityLevel: ORT_LOG_FATAL,
    });
    const ones = new Uint16Array(4).fill(FLOAT16_ONE);
    const { y } = await session.run({ x: new Tensor("float16", ones, [4]) });
    const bits = y === undefined ? [] : new Uint16Array((y.data as Uint16Array).buffer, 0, 4);
    return bits.length === 4 && [...bits].every((value) => value === FLOAT16_TWO);
  } catch {
    // Any refusal is the answer "no".
    return false;
  } finally {
    await session?.release();
  }
}
