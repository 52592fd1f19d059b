import { ELEMENT, MICROSOFT } from "../../onnx/onnx.ts";
import { countOf, type Graph, type Value, type Weight } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";
import { FloatForm } from "./float.ts";
import { BELOW, bytesOf, type FloatElement } from "./storage.ts";

const BLOCK = 32;
const BITS = 4;
/** Of a block. */
const BYTES = (BLOCK * BITS) / 8;
/** The steps that stand for 0. */
const ZERO = 2 ** (BITS - 1);
/** A head with so few outputs is no gain in few bits and decides the score alone. */
export const FEWEST_OUTPUTS = 16;
/**
 * Sizes of a step that are tried for each block, as parts of the one that reaches its largest number: where the rest is
 * small, cutting the largest off leaves less error in all.
 */
const TRIED = [1, 0.95, 0.9, 0.85, 0.8] as const;

/** Matrices in 4 bits, with a scale for each 32 numbers of a row, activations in the form's floats. */
export class BlockForm extends FloatForm {
  override linear(g: Graph, x: Value, matrix: Parameter): Value {
    return fitsBlocks(matrix) ? this.#product(g, x, matrix) : super.linear(g, x, matrix);
  }

  override tied(g: Graph, x: Value, table: Parameter): Value {
    return fitsBlocks(table) ? this.#product(g, x, table) : super.tied(g, x, table);
  }

  /** x [..., in] times the transpose of a matrix [out, in] in blocks of its rows (MatMulNBits). */
  #product(g: Graph, x: Value, matrix: Parameter): Value {
    const [outputs, inputs] = matrix.shape as [number, number];
    const { blocks, scales } = inBlocks(matrix, this.element);
    return g.node(
      `${MICROSOFT}/MatMulNBits`,
      [x, g.weight(blocks), g.weight(scales)],
      { shape: [...x.shape.slice(0, -1), outputs] },
      { K: inputs, N: outputs, bits: BITS, block_size: BLOCK, accuracy_level: 0 },
    );
  }
}

/** Whether rows of a matrix [out, in] are whole blocks, and enough to be worth it. */
function fitsBlocks({ shape }: Parameter): boolean {
  const [outputs, inputs] = shape as [number, number];
  return outputs >= FEWEST_OUTPUTS && inputs % BLOCK === 0;
}

/** A matrix [out, in] as steps of 4 bits [out, blocks, bytes of a block], and the size of a step for each block. */
function inBlocks(matrix: Parameter, element: FloatElement): { blocks: Weight; scales: Weight } {
  const [rows, columns] = matrix.shape as [number, number];
  const count = countOf(matrix.shape) / BLOCK;
  const scales = element === ELEMENT.float ? new Float32Array(count) : new Float16Array(count);
  return {
    blocks: {
      name: `${matrix.name}_q4`,
      element: ELEMENT.uint8,
      shape: [rows, columns / BLOCK, BYTES],
      bytes: count * BYTES,
      async *pieces() {
        let done = 0;
        // What a step is rounded to has to be a number itself.
        for await (const piece of matrix.read(BELOW[element] * ZERO)) {
          const packed = new Uint8Array((piece.length / BLOCK) * BYTES);
          for (let from = 0; from < piece.length; from += BLOCK) {
            // The scale that is stored, which may be rounded, is the one that steps are counted in.
            scales[done] = stepOf(piece, from);
            pack(piece, from, scales[done]!, packed);
            done++;
          }
          yield packed;
        }
      },
    },
    scales: {
      name: `${matrix.name}_scales`,
      element,
      shape: [count],
      bytes: scales.byteLength,
      // Known once the blocks are written, which stand before it.
      async *pieces() {
        yield bytesOf(scales);
      },
    },
  };
}

/** The size of a step, of either sign, that leaves the least squared error: one more of them reaches below 0 than above. */
function stepOf(numbers: Float32Array, from: number): number {
  let most = 0;
  for (let at = from; at < from + BLOCK; at++)
    if (Math.abs(numbers[at]!) > Math.abs(most)) most = numbers[at]!;
  const whole = most / -ZERO;
  if (most === 0) return whole;
  let best = whole;
  let least = Number.POSITIVE_INFINITY;
  for (const part of TRIED) {
    const step = whole * part;
    const error = errorOf(numbers, from, step);
    if (error >= least) continue;
    least = error;
    best = step;
  }
  return best;
}

/** Squared. Written out, for this is where a build in 4 bits spends its time. */
function errorOf(numbers: Float32Array, from: number, step: number): number {
  const inverse = 1 / step;
  let error = 0;
  for (let at = from; at < from + BLOCK; at++) {
    const number = numbers[at]!;
    let steps = Math.floor(number * inverse + 0.5);
    if (steps < -ZERO) steps = -ZERO;
    else if (steps >= ZERO) steps = ZERO - 1;
    const off = number - steps * step;
    error += off * off;
  }
  return error;
}

function stepsOf(number: number, step: number): number {
  if (step === 0) return 0;
  return Math.max(-ZERO, Math.min(ZERO - 1, Math.round(number / step)));
}

/** Steps of a block into its bytes; of two that share one the first is in the lower bits, and half of the range is 0. */
function pack(numbers: Float32Array, from: number, step: number, packed: Uint8Array): void {
  for (let at = from; at < from + BLOCK; at++)
    packed[at >> 1]! |= (stepsOf(numbers[at]!, step) + ZERO) << (4 * (at & 1));
}
