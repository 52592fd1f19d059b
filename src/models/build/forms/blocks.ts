import { ELEMENT, MICROSOFT } from "../../onnx/onnx.ts";
import { countOf, type Graph, type Value, type Weight } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";
import { FloatForm } from "./float.ts";
import { bytesOf, type FloatElement } from "./storage.ts";

const BLOCK = 32;
/** Four bits are 0 to 15, and 8 stands for 0. */
const ZERO = 8;
/** A head with so few outputs is no gain in 4 bits and decides the score alone. */
const FEWEST_OUTPUTS = 16;
/**
 * Sizes of a step that are tried for each block, as parts of the one that reaches its largest number: where the rest is
 * small, cutting the largest off leaves less error in all.
 */
const TRIED = [1, 0.95, 0.9, 0.85, 0.8];

/** Matrices in 4 bits, with a scale for each 32 numbers of a row (MatMulNBits), activations in the form's floats. */
export class BlockForm extends FloatForm {
  override linear(g: Graph, x: Value, matrix: Parameter): Value {
    const [outputs, inputs] = matrix.shape as [number, number];
    if (outputs < FEWEST_OUTPUTS || inputs % BLOCK !== 0) return super.linear(g, x, matrix);
    return this.#product(g, x, matrix);
  }

  override tied(g: Graph, x: Value, table: Parameter): Value {
    return table.shape[1]! % BLOCK === 0 ? this.#product(g, x, table) : super.tied(g, x, table);
  }

  #product(g: Graph, x: Value, matrix: Parameter): Value {
    const [outputs, inputs] = matrix.shape as [number, number];
    const { blocks, scales } = inBlocks(matrix, this.element);
    return g.node(
      `${MICROSOFT}/MatMulNBits`,
      [x, g.weight(blocks), g.weight(scales)],
      { shape: [...x.shape.slice(0, -1), outputs] },
      { K: inputs, N: outputs, bits: 4, block_size: BLOCK },
    );
  }
}

/** A matrix [out, in] as pairs of 4 bits [out, blocks, 16], and a scale for each block. */
function inBlocks(matrix: Parameter, element: FloatElement): { blocks: Weight; scales: Weight } {
  const [rows, columns] = matrix.shape as [number, number];
  const count = countOf(matrix.shape) / BLOCK;
  const scales = element === ELEMENT.float ? new Float32Array(count) : new Float16Array(count);
  return {
    blocks: {
      name: `${matrix.name}_q4`,
      element: ELEMENT.uint8,
      shape: [rows, columns / BLOCK, BLOCK / 2],
      bytes: (count * BLOCK) / 2,
      async *pieces() {
        let done = 0;
        for await (const piece of matrix.read()) {
          const packed = new Uint8Array(piece.length / 2);
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

/** The size of a step, of either sign, that leaves the least squared error: −8 steps reach further than 7. */
function stepOf(numbers: Float32Array, from: number): number {
  let most = 0;
  for (let at = from; at < from + BLOCK; at++)
    if (Math.abs(numbers[at]!) > Math.abs(most)) most = numbers[at]!;
  if (most === 0) return 0;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const part of TRIED) {
    const step = (most / -ZERO) * part;
    let error = 0;
    for (let at = from; at < from + BLOCK; at++) {
      const off = numbers[at]! - stepsOf(numbers[at]!, step) * step;
      error += off * off;
    }
    if (error >= least) continue;
    least = error;
    best = step;
  }
  return best;
}

function stepsOf(number: number, step: number): number {
  if (step === 0) return 0;
  return Math.max(-ZERO, Math.min(ZERO - 1, Math.round(number / step)));
}

function pack(numbers: Float32Array, from: number, step: number, packed: Uint8Array): void {
  for (let at = from; at < from + BLOCK; at += 2) {
    const low = stepsOf(numbers[at]!, step) + ZERO;
    const high = stepsOf(numbers[at + 1]!, step) + ZERO;
    packed[at / 2] = low | (high << 4);
  }
}
