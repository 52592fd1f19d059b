import {
  type Attribute,
  ELEMENT,
  type Element,
  elementOf,
  GRAPH,
  node,
  type TensorData,
  tensor,
  value,
} from "../../onnx/onnx.ts";
import { Message } from "../../onnx/wire.ts";

/** A size of a tensor: a number, or the name of one that varies from run to run. */
export type Size = number | string;
export type Shape = readonly Size[];

/** What a node makes or takes: a tensor of which everything but the numbers is known. */
export interface Value {
  readonly name: string;
  readonly element: Element;
  readonly shape: Shape;
}

/** A tensor whose numbers come from the checkpoint while the file is written. */
export interface Weight {
  readonly name: string;
  readonly element: Element;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Its numbers as they stand in the file, row-major and little-endian. Weights are read once, in the graph's order. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** An ONNX graph under construction: nodes in the order in which they were asked for. */
export class Graph {
  readonly weights: Weight[] = [];
  readonly #message = new Message().text(GRAPH.name, "openvalidator");
  readonly #constants = new Map<string, Value>();
  readonly #known = new Set<string>();
  /** Numbers given to the values that have no name of their own. */
  #values = 0;

  /** Of all weights, as they stand in the file. */
  get weightBytes(): number {
    return this.weights.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Everything but the weights. */
  encode(): Uint8Array {
    return this.#message.encode();
  }

  input(name: string, element: Element, shape: Shape): Value {
    this.#message.message(GRAPH.input, value(name, element, shape));
    return { name, element, shape };
  }

  /** Gives a value to whoever runs the graph, under a name that they look for. */
  output(name: string, { name: from, element, shape }: Value): void {
    this.#message
      .message(GRAPH.node, node("Identity", [from], [name]))
      .message(GRAPH.output, value(name, element, shape));
  }

  /** @param made shape and element of what the node gives; element as its first input's unless given */
  node(
    operator: string,
    inputs: readonly (Value | undefined)[],
    made: { shape: Shape; element?: Element },
    attributes: Record<string, Attribute> = {},
  ): Value {
    return this.nodes(operator, inputs, [made], attributes)[0]!;
  }

  /** A node that gives several values. */
  nodes(
    operator: string,
    inputs: readonly (Value | undefined)[],
    made: readonly { shape: Shape; element?: Element }[],
    attributes: Record<string, Attribute> = {},
  ): Value[] {
    const values = made.map(({ shape, element = inputs[0]!.element }) => ({
      name: `v${this.#values++}`,
      element,
      shape,
    }));
    // An input that is left out has an empty name.
    const names = inputs.map((input) => input?.name ?? "");
    const outputs = values.map(({ name }) => name);
    this.#message.message(GRAPH.node, node(operator, names, outputs, attributes));
    return values;
  }

  /** Numbers known beforehand; equal ones stand in the file once. */
  constant(data: TensorData, shape: readonly number[] = [data.length]): Value {
    const element = elementOf(data);
    const key = `${element};${shape.join()};${data.length > 64 ? this.#constants.size : data.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made: Value = { name: `c${this.#constants.size}`, element, shape };
    this.#message.message(GRAPH.initializer, tensor(made.name, shape, data));
    this.#constants.set(key, made);
    return made;
  }

  /** One number, in 32-bit floats. */
  number(of: number): Value {
    return this.constant(Float32Array.of(of), []);
  }

  /** One number of 8 bits without sign. */
  byte(of: number): Value {
    return this.constant(Uint8Array.of(of), []);
  }

  /** Whole numbers as shapes and places are given in, 64 bits. */
  integers(...of: number[]): Value {
    return this.constant(BigInt64Array.from(of.map(BigInt)));
  }

  integer(of: number): Value {
    return this.constant(BigInt64Array.of(BigInt(of)), []);
  }

  /** Takes a weight into the file; one that is there already, such as tied embeddings, is used again. */
  weight(weight: Weight): Value {
    if (!this.#known.has(weight.name)) this.weights.push(weight);
    this.#known.add(weight.name);
    return weight;
  }
}

/** Numbers of a tensor of fixed size. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export const BYTES: Readonly<Record<Element, number>> = {
  [ELEMENT.float]: 4,
  [ELEMENT.uint8]: 1,
  [ELEMENT.int8]: 1,
  [ELEMENT.int32]: 4,
  [ELEMENT.int64]: 8,
  [ELEMENT.bool]: 1,
  [ELEMENT.float16]: 2,
};
