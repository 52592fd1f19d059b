import { type Element, MICROSOFT } from "../../onnx/onnx.ts";
import type { Graph, Value } from "./graph.ts";
import * as op from "./operators.ts";

export interface RotaryOptions {
  /** Longest row. */
  maxTokens: number;
  /** Numbers of a head that are turned, from its first on. */
  dimensions: number;
  /** Base of the frequencies. */
  theta: number;
  /** Whether pairs are neighbours, as in GPT-J, and not of the two halves. */
  areNeighbours?: boolean;
}

/** Positions as angles by which pairs of a query's or key's numbers are turned; Su et al. 2021. */
export class Rotary {
  readonly #graph: Graph;
  readonly #positions: Value;
  readonly #cosines: Value;
  readonly #sines: Value;
  readonly #options: RotaryOptions;

  /** @param positions [batch, tokens] */
  constructor(graph: Graph, positions: Value, element: Element, options: RotaryOptions) {
    const { maxTokens, dimensions, theta } = options;
    const half = dimensions / 2;
    // A table, for a GPU's own cosine may be right to 2⁻¹¹ only, and of a small angle.
    const table = (of: (angle: number) => number): Value => {
      const angles = Float32Array.from({ length: maxTokens * half }, (_, at) => {
        const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * (at % half)) / dimensions)));
        return of(Math.fround(Math.floor(at / half) * frequency));
      });
      return op.cast(graph, graph.constant(angles, [maxTokens, half]), element);
    };
    this.#graph = graph;
    this.#positions = positions;
    this.#cosines = table(Math.cos);
    this.#sines = table(Math.sin);
    this.#options = options;
  }

  /** @param x [batch, heads, tokens, size] */
  turn(x: Value): Value {
    const { dimensions, areNeighbours = false } = this.#options;
    const [, heads, , size] = x.shape as [unknown, number, unknown, number];
    const inputs = [x, this.#positions, this.#cosines, this.#sines];
    // A head that is turned whole is the operator's default; a part of it has to be told with the heads.
    const part =
      dimensions === size
        ? []
        : [["rotary_embedding_dim", dimensions] as const, ["num_heads", heads] as const];
    const attributes = Object.fromEntries([["interleaved", areNeighbours ? 1 : 0], ...part]);
    return this.#graph.node(`${MICROSOFT}/RotaryEmbedding`, inputs, { shape: x.shape }, attributes);
  }
}
