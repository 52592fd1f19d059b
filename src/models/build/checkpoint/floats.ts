import type { FloatType } from "./checkpoint.ts";

export const BYTES_OF: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * Little-endian numbers of a file as float32; every value of the three types is one, so nothing is rounded.
 * @param bytes begins at a multiple of 4 of its buffer
 */
export function toFloat32(dtype: FloatType, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset } = bytes;
  const count = bytes.byteLength / BYTES_OF[dtype];
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, count);
  if (dtype === "F16") return new Float32Array(new Float16Array(buffer, byteOffset, count));
  const halves = new Uint16Array(buffer, byteOffset, count);
  // A bfloat16 is the upper half of a float32.
  const words = new Uint32Array(count);
  for (let index = 0; index < count; index++) words[index] = halves[index]! << 16;
  return new Float32Array(words.buffer);
}
