import { ELEMENT, type Element, MICROSOFT } from "../../onnx/onnx.ts";
import type { Form } from "../forms/form.ts";
import type { Graph, Value } from "./graph.ts";
import { add, cast } from "./operators.ts";
import type { Parameters } from "./parameters.ts";

/** What goes on through the layers, and its norm, which the next of them reads. */
export interface Normed {
  sum: Value;
  normed: Value;
}

/** Layers by the names of their tensors in the checkpoint. */
export class Layers {
  readonly graph: Graph;
  readonly form: Form;
  readonly parameters: Parameters;

  constructor(graph: Graph, form: Form, parameters: Parameters) {
    this.graph = graph;
    this.form = form;
    this.parameters = parameters;
  }

  get element(): Element {
    return this.form.element;
  }

  /** x [..., in] → [..., width], with a bias unless told otherwise. */
  linear(x: Value, name: string, width: number, { hasBias = true } = {}): Value {
    const { graph: g, parameters } = this;
    const matrix = parameters.take(`${name}.weight`, [width, x.shape.at(-1) as number]);
    const made = this.form.linear(g, x, matrix);
    return hasBias ? add(g, made, this.few(`${name}.bias`, [width])) : made;
  }

  /** Rows of a table by their numbers. */
  lookUp(places: Value, name: string, [rows, width]: [number, number]): Value {
    return this.form.lookUp(this.graph, this.parameters.take(`${name}.weight`, [rows, width]), places);
  }

  /** A tensor of few numbers, in the form's floats. */
  few(name: string, shape: readonly number[]): Value {
    return this.form.few(this.graph, this.parameters.take(name, shape));
  }

  layerNorm(x: Value, name: string, epsilon: number): Value {
    const { gain, bias } = this.#normNames(name);
    return this.#inSingle(x, (wide, few) =>
      this.graph.node(
        "LayerNormalization",
        [wide, few(gain), few(bias)],
        { shape: x.shape },
        { axis: -1, epsilon: { float: epsilon } },
      ),
    );
  }

  /** Of the last axis, without a mean. */
  rmsNorm(x: Value, name: string, epsilon: number): Value {
    return this.#inSingle(x, (wide, few) =>
      this.graph.node(
        "SimplifiedLayerNormalization",
        [wide, few(`${name}.weight`)],
        { shape: x.shape },
        { axis: -1, epsilon: { float: epsilon } },
      ),
    );
  }

  /** x + y and its norm: one node, into which the runtime draws a bias of y as well, where all is in 32 bits. */
  addLayerNorm(x: Value, y: Value, name: string, epsilon: number): Normed {
    if (x.element !== ELEMENT.float) return this.#apart(x, y, (sum) => this.layerNorm(sum, name, epsilon));
    const { gain, bias } = this.#normNames(name);
    return this.#together("SkipLayerNormalization", [x, y], [gain, bias], epsilon);
  }

  addRmsNorm(x: Value, y: Value, name: string, epsilon: number): Normed {
    if (x.element !== ELEMENT.float) return this.#apart(x, y, (sum) => this.rmsNorm(sum, name, epsilon));
    return this.#together("SkipSimplifiedLayerNormalization", [x, y], [`${name}.weight`], epsilon);
  }

  #apart(x: Value, y: Value, norm: (sum: Value) => Value): Normed {
    const sum = add(this.graph, x, y);
    return { sum, normed: norm(sum) };
  }

  #together(operator: string, [x, y]: [Value, Value], names: string[], epsilon: number): Normed {
    const few = names.map((name) => this.few(name, [x.shape.at(-1) as number]));
    // Between the two it could give a mean and a spread.
    const [normed, , , sum] = this.graph.nodes(
      `${MICROSOFT}/${operator}`,
      [x, y, ...few],
      Array.from({ length: 4 }, () => ({ shape: x.shape })),
      { epsilon: { float: epsilon } },
    );
    return { sum: sum!, normed: normed! };
  }

  /** Checkpoints from before 2019 call them as TensorFlow does. */
  #normNames(name: string): { gain: string; bias: string } {
    return this.parameters.has(`${name}.gamma`)
      ? { gain: `${name}.gamma`, bias: `${name}.beta` }
      : { gain: `${name}.weight`, bias: `${name}.bias` };
  }

  /** Norms are computed in 32 bits: squares of half-precision numbers do not fit into half precision. */
  #inSingle(x: Value, norm: (wide: Value, few: (name: string) => Value) => Value): Value {
    const g = this.graph;
    const few = (name: string): Value => cast(g, this.few(name, [x.shape.at(-1) as number]), ELEMENT.float);
    return cast(g, norm(cast(g, x, ELEMENT.float), few), x.element);
  }
}
