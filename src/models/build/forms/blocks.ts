import { ELEMENT, MICROSOFT } from "../../onnx/onnx.ts";
import { countOf, type Graph, type Value, type Weight } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";
import { FloatForm } from "./float.ts";
import { BELOW, bytesOf, type FloatElement } from "./storage.ts";

const BLOCK = 32;
/** A head with so few outputs is no gain in few bits and decides the score alone. */
export const FEWEST_OUTPUTS = 16;
/** Of MatMulNBits: activations are put into 8 bits too, block by block. */
const ACTIVATIONS_IN_8_BITS = 4;
/**
 * Sizes of a step that are tried for each block, as parts of the one that reaches its largest number: where the rest is
 * small, cutting the largest off leaves less error in all. With 8 bits there is nothing to gain.
 */
const TRIED = { 4: [1, 0.95, 0.9, 0.85, 0.8], 8: [1] } as const;

export interface BlockOptions {
  bits: 4 | 8;
  /** Of the scales. */
  element: FloatElement;
  /** Whether activations lose bits as well, which a CPU computes faster. */
  quantisesActivations?: boolean;
}

/** Matrices in 4 bits, with a scale for each 32 numbers of a row, activations in the form's floats. */
export class BlockForm extends FloatForm {
  override linear(g: Graph, x: Value, matrix: Parameter, isUneven: boolean): Value {
    const options: BlockOptions = { bits: 4, element: this.element };
    return fitsBlocks(matrix) ? blockProduct(g, x, matrix, options) : super.linear(g, x, matrix, isUneven);
  }

  override tied(g: Graph, x: Value, table: Parameter): Value {
    const options: BlockOptions = { bits: 4, element: this.element };
    return fitsBlocks(table) ? blockProduct(g, x, table, options) : super.tied(g, x, table);
  }
}

/** Whether rows of a matrix [out, in] are whole blocks, and enough to be worth it. */
export function fitsBlocks({ shape }: Parameter): boolean {
  const [outputs, inputs] = shape as [number, number];
  return outputs >= FEWEST_OUTPUTS && inputs % BLOCK === 0;
}

/** x [..., in] times the transpose of a matrix [out, in] in blocks of its rows (MatMulNBits). */
export function blockProduct(g: Graph, x: Value, matrix: Parameter, options: BlockOptions): Value {
  const [outputs, inputs] = matrix.shape as [number, number];
  const { bits, quantisesActivations = false } = options;
  const { blocks, scales } = inBlocks(matrix, options);
  return g.node(
    `${MICROSOFT}/MatMulNBits`,
    [x, g.weight(blocks), g.weight(scales)],
    { shape: [...x.shape.slice(0, -1), outputs] },
    {
      K: inputs,
      N: outputs,
      bits,
      block_size: BLOCK,
      accuracy_level: quantisesActivations ? ACTIVATIONS_IN_8_BITS : 0,
    },
  );
}

/** A matrix [out, in] as steps of a few bits [out, blocks, bytes of a block], and the size of a step for each block. */
function inBlocks(matrix: Parameter, { bits, element }: BlockOptions): { blocks: Weight; scales: Weight } {
  const [rows, columns] = matrix.shape as [number, number];
  const count = countOf(matrix.shape) / BLOCK;
  const scales = element === ELEMENT.float ? new Float32Array(count) : new Float16Array(count);
  const bytes = (BLOCK * bits) / 8;
  return {
    blocks: {
      name: `${matrix.name}_q${bits}`,
      element: ELEMENT.uint8,
      shape: [rows, columns / BLOCK, bytes],
      bytes: count * bytes,
      async *pieces() {
        let done = 0;
        // What a step is rounded to has to be a number itself.
        for await (const piece of matrix.read(BELOW[element] * 2 ** (bits - 1))) {
          const packed = new Uint8Array((piece.length / BLOCK) * bytes);
          for (let from = 0; from < piece.length; from += BLOCK) {
            // The scale that is stored, which may be rounded, is the one that steps are counted in.
            scales[done] = stepOf(piece, from, bits);
            pack(piece, from, { step: scales[done]!, bits }, packed);
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
function stepOf(numbers: Float32Array, from: number, bits: 4 | 8): number {
  const zero = 2 ** (bits - 1);
  let most = 0;
  for (let at = from; at < from + BLOCK; at++)
    if (Math.abs(numbers[at]!) > Math.abs(most)) most = numbers[at]!;
  const whole = most / -zero;
  if (most === 0 || TRIED[bits].length === 1) return whole;
  let best = whole;
  let least = Number.POSITIVE_INFINITY;
  for (const part of TRIED[bits]) {
    const step = whole * part;
    const error = errorOf(numbers, from, step, zero);
    if (error >= least) continue;
    least = error;
    best = step;
  }
  return best;
}

/** Squared. Written out, for this is where a build in 4 bits spends its time. */
function errorOf(numbers: Float32Array, from: number, step: number, zero: number): number {
  const inverse = 1 / step;
  let error = 0;
  for (let at = from; at < from + BLOCK; at++) {
    const number = numbers[at]!;
    let steps = Math.floor(number * inverse + 0.5);
    if (steps < -zero) steps = -zero;
    else if (steps >= zero) steps = zero - 1;
    const off = number - steps * step;
    error += off * off;
  }
  return error;
}

function stepsOf(number: number, step: number, zero: number): number {
  if (step === 0) return 0;
  return Math.max(-zero, Math.min(zero - 1, Math.round(number / step)));
}

/** Steps of a block into its bytes; of two that share one the first is in the lower bits, and half of the range is 0. */
function pack(
  numbers: Float32Array,
  from: number,
  { step, bits }: { step: number; bits: 4 | 8 },
  packed: Uint8Array,
): void {
  const zero = 2 ** (bits - 1);
  for (let at = from; at < from + BLOCK; at++) {
    const steps = stepsOf(numbers[at]!, step, zero) + zero;
    if (bits === 8) packed[at] = steps;
    else packed[at >> 1]! |= steps << (4 * (at & 1));
  }
}
