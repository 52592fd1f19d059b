import { ELEMENT } from "../../onnx/onnx.ts";
import { BYTES, countOf, type Weight } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";

export type FloatElement = typeof ELEMENT.float | typeof ELEMENT.float16;

/** What numbers of each kind are below; from 65520 on a half-precision float is infinite. */
export const BELOW: Readonly<Record<FloatElement, number>> = {
  [ELEMENT.float]: Infinity,
  [ELEMENT.float16]: 65_520,
};

/** Rows that are turned at once: as many numbers of one column fill a line of the processor's cache. */
const TILE = 64;

export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A tensor as it is, in 32 or 16 bits. */
export function floats({ name, shape, read }: Parameter, element: FloatElement): Weight {
  return {
    name,
    element,
    shape,
    bytes: countOf(shape) * BYTES[element],
    async *pieces() {
      for await (const piece of read(BELOW[element]))
        yield bytesOf(element === ELEMENT.float ? piece : new Float16Array(piece));
    },
  };
}

/** A matrix [out, in] as MatMul takes it: [in, out]. It is in memory once. */
export function transposed(matrix: Parameter, element: FloatElement): Weight {
  const { name, shape } = matrix;
  const [rows, columns] = shape as [number, number];
  return {
    name,
    element,
    shape: [columns, rows],
    bytes: countOf(shape) * BYTES[element],
    async *pieces() {
      const turned =
        element === ELEMENT.float ? new Float32Array(rows * columns) : new Float16Array(rows * columns);
      let done = 0;
      for await (const piece of matrix.read(BELOW[element])) {
        turn(piece, columns, turned, rows, done);
        done += piece.length / columns;
      }
      yield bytesOf(turned);
    },
  };
}

/** Puts whole rows of a matrix, the first of which is row `first`, into the columns of its transpose. */
export function turn(
  piece: Readonly<ArrayLike<number>>,
  columns: number,
  turned: { [at: number]: number },
  rows: number,
  first: number,
): void {
  const count = piece.length / columns;
  for (let start = 0; start < count; start += TILE) {
    const end = Math.min(count, start + TILE);
    for (let column = 0; column < columns; column++) {
      const to = column * rows + first;
      for (let row = start; row < end; row++) turned[to + row] = piece[row * columns + column]!;
    }
  }
}
