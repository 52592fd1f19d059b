import { type Element, MICROSOFT } from "../../onnx/onnx.ts";
import { frequenciesOf, type RopeScaling } from "./frequencies.ts";
import type { Graph, Value } from "./graph.ts";
import * as op from "./operators.ts";
import { unsupported } from "./parameters.ts";

export interface RotaryOptions {
  /** Longest row. */
  maxTokens: number;
  /** Numbers of a head that are turned, from its first on. */
  dimensions: number;
  /** Base of the frequencies. */
  theta: number;
  scaling?: RopeScaling | undefined;
  /** Whether pairs are neighbours, as in GPT-J, and not of the two halves. */
  areNeighbours?: boolean;
}

/** Positions as angles by which pairs of a query's or key's numbers are turned; Su et al. 2021. */
export class Rotary {
  readonly #graph: Graph;
  readonly #positions: Value;
  readonly #element: Element;
  readonly #options: RotaryOptions;
  #tables: { cosines: Value; sines: Value } | undefined;

  /** @param positions [batch, tokens] */
  constructor(graph: Graph, positions: Value, element: Element, options: RotaryOptions) {
    this.#graph = graph;
    this.#positions = positions;
    this.#element = element;
    this.#options = options;
  }

  /**
   * @param x [batch, heads, tokens, size]
   * @throws Failure `model.unsupported` for numbers that are no pairs of a head
   */
  turn(x: Value): Value {
    const { dimensions, areNeighbours = false } = this.#options;
    const [, heads, , size] = x.shape as [unknown, number, unknown, number];
    if (dimensions % 2 !== 0 || dimensions > size)
      throw unsupported(
        `config.json has ${dimensions} numbers of a head turned, which are no pairs of its ${size}`,
      );
    this.#tables ??= this.#makeTables();
    const { cosines, sines } = this.#tables;
    const inputs = [x, this.#positions, cosines, sines];
    // A head that is turned whole is the operator's default; a part of it has to be told with the heads.
    const part =
      dimensions === size
        ? []
        : [["rotary_embedding_dim", dimensions] as const, ["num_heads", heads] as const];
    const attributes = Object.fromEntries([["interleaved", areNeighbours ? 1 : 0], ...part]);
    return this.#graph.node(`${MICROSOFT}/RotaryEmbedding`, inputs, { shape: x.shape }, attributes);
  }

  /** Once the heads are known to have so many numbers. Tables, for a GPU's own cosine may be right to 2⁻¹¹ only. */
  #makeTables(): { cosines: Value; sines: Value } {
    const { maxTokens, dimensions, theta, scaling } = this.#options;
    const g = this.#graph;
    const pairs = dimensions / 2;
    const { each, factor } = frequenciesOf(dimensions, theta, scaling);
    const table = (of: (angle: number) => number): Value => {
      const numbers = Float32Array.from(
        { length: maxTokens * pairs },
        (_, at) => factor * of(Math.fround(Math.floor(at / pairs) * each[at % pairs]!)),
      );
      return op.cast(g, g.constant(numbers, [maxTokens, pairs]), this.#element);
    };
    return { cosines: table(Math.cos), sines: table(Math.sin) };
  }
}
