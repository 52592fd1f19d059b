import { cosine } from "../cosine.ts";

/** Likeness of a vector to the nearest of several, −1..1; −1 to none. */
export function nearest(vector: Float32Array, others: readonly { vector: Float32Array }[]): number {
  return others.reduce((most, other) => Math.max(most, cosine(vector, other.vector)), -1);
}

/** Mean of vectors, scaled to length 1. */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (const [at, number] of vector.entries()) sum[at]! += number;
  const length = Math.hypot(...sum);
  return length === 0 ? sum : sum.map((number) => number / length);
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);
}

export function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}
