import { ELEMENT, MICROSOFT } from "../../onnx/onnx.ts";
import { countOf, type Graph, type Value, type Weight } from "../graph/graph.ts";
import * as op from "../graph/operators.ts";
import type { Parameter } from "../graph/parameters.ts";
import { FEWEST_OUTPUTS } from "./blocks.ts";
import { FloatForm } from "./float.ts";
import { bytesOf, turn } from "./storage.ts";

/**
 * Largest step of a weight. Products of 8-bit activations with 8 bits of weights are added in pairs to 16 bits on processors
 * without VNNI, where they would not fit; with 7 bits they do, and every processor gives the same numbers.
 */
const MOST = 64;
/** Largest step of an activation, and of a row that is only looked up. */
const MOST_ELSEWHERE = 127;
/** The step that stands for 0: a CPU multiplies bytes without sign by bytes with one. */
const ZERO = 128;
/** Largest number of a token of nothing but zeros, which are divided by it. */
const SMALLEST = 1e-30;

interface Quantised {
  rows: Value;
  sizes: Value;
}

/**
 * Matrices in 8 bits with a scale for each output, tables with one for each row, activations in 8 bits with one for each token,
 * so that what is computed together does not move each other's numbers; everything between in fp32. For the CPU: on WebGPU
 * these nodes fall back to it.
 */
export class Int8Form extends FloatForm {
  /** What was quantised, by its own name: three projections read the same. */
  readonly #quantised = new Map<string, Quantised>();

  override linear(g: Graph, x: Value, matrix: Parameter): Value {
    const [outputs] = matrix.shape as [number, number];
    return outputs < FEWEST_OUTPUTS ? super.linear(g, x, matrix) : this.#quantisedProduct(g, x, matrix);
  }

  override tied(g: Graph, x: Value, table: Parameter): Value {
    return this.#quantisedProduct(g, x, table);
  }

  override lookUp(g: Graph, table: Parameter, places: Value): Value {
    const { steps, scales } = rowsInSteps(table);
    const found = op.gather(g, g.weight(steps), places);
    const sizes = op.gather(g, op.unsqueeze(g, g.weight(scales), 1), places);
    return op.multiply(g, op.cast(g, found, ELEMENT.float), sizes);
  }

  #quantisedProduct(g: Graph, x: Value, matrix: Parameter): Value {
    const { steps, scales } = inSteps(matrix);
    const { rows, sizes } = this.#quantise(g, x);
    const sums = g.node(
      `${MICROSOFT}/MatMulIntegerToFloat`,
      [rows, g.weight(steps), g.number(1), g.weight(scales), g.byte(ZERO)],
      { shape: [...x.shape.slice(0, -1), matrix.shape[0]!], element: ELEMENT.float },
    );
    return op.multiply(g, sums, sizes);
  }

  /** x [..., in] in steps of 8 bits, and the size of a step for each token [..., 1]. */
  #quantise(g: Graph, x: Value): Quantised {
    const known = this.#quantised.get(x.name);
    if (known !== undefined) return known;
    const largest = op.maximum(g, op.maxOfLast(g, op.absolute(g, x)), g.number(SMALLEST));
    const sizes = op.scale(g, largest, 1 / MOST_ELSEWHERE);
    const rows = g.node("QuantizeLinear", [op.divide(g, x, sizes), g.number(1), g.byte(ZERO)], {
      shape: x.shape,
      element: ELEMENT.uint8,
    });
    const made = { rows, sizes };
    this.#quantised.set(x.name, made);
    return made;
  }
}

/** A table of rows as steps of 8 bits, and the size of a step for each row. */
function rowsInSteps(table: Parameter): { steps: Weight; scales: Weight } {
  const [rows, columns] = table.shape as [number, number];
  const scales = new Float32Array(rows);
  return {
    steps: {
      name: `${table.name}_rows`,
      element: ELEMENT.int8,
      shape: table.shape,
      bytes: countOf(table.shape),
      async *pieces() {
        let done = 0;
        for await (const piece of table.read()) {
          const steps = new Int8Array(piece.length);
          for (let from = 0; from < piece.length; from += columns)
            scales[done++] = quantiseRow(piece, steps, { from, columns, most: MOST_ELSEWHERE });
          yield bytesOf(steps);
        }
      },
    },
    scales: scalesOf(`${table.name}_rows_scale`, scales),
  };
}

/** Sizes of steps; they are known once the steps are written, which stand before them. */
function scalesOf(name: string, scales: Float32Array): Weight {
  return {
    name,
    element: ELEMENT.float,
    shape: [scales.length],
    bytes: scales.byteLength,
    async *pieces() {
      yield bytesOf(scales);
    },
  };
}

/** A matrix [out, in] as steps [in, out], and the size of a step for each output. */
function inSteps(matrix: Parameter): { steps: Weight; scales: Weight } {
  const [rows, columns] = matrix.shape as [number, number];
  const scales = new Float32Array(rows);
  return {
    steps: {
      name: `${matrix.name}_quantized`,
      element: ELEMENT.int8,
      shape: [columns, rows],
      bytes: countOf(matrix.shape),
      async *pieces() {
        const turned = new Int8Array(rows * columns);
        let done = 0;
        for await (const piece of matrix.read()) {
          const count = piece.length / columns;
          const steps = new Int8Array(piece.length);
          for (let row = 0; row < count; row++)
            scales[done + row] = quantiseRow(piece, steps, { from: row * columns, columns, most: MOST });
          turn(steps, columns, turned, rows, done);
          done += count;
        }
        yield bytesOf(turned);
      },
    },
    scales: scalesOf(`${matrix.name}_scale`, scales),
  };
}

/** @returns the size of a step */
function quantiseRow(
  rows: Float32Array,
  steps: Int8Array,
  { from, columns, most }: { from: number; columns: number; most: number },
): number {
  let largest = 0;
  for (let at = from; at < from + columns; at++) largest = Math.max(largest, Math.abs(rows[at]!));
  const step = largest === 0 ? 1 : largest / most;
  for (let at = from; at < from + columns; at++) steps[at] = Math.round(rows[at]! / step);
  return step;
}
