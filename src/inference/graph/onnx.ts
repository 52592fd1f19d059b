import { type Field, fieldsOf, Message } from "./protobuf.ts";

/** Element types of onnx.TensorProto. */
export const ELEMENT = { float: 1, int64: 7, float16: 10 } as const;
export type Element = (typeof ELEMENT)[keyof typeof ELEMENT];

/** Field numbers of onnx.proto that are used. */
export const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const ATTRIBUTE_TYPE = { float: 1, integer: 2, integers: 7 } as const;

/** A whole number, a list of them, or `{ float }`: JavaScript cannot tell 1 from 1.0. */
export type Attribute = number | number[] | { float: number };

/** onnx.NodeProto */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Message {
  const message = new Message();
  for (const name of inputs) message.text(1, name);
  for (const name of outputs) message.text(2, name);
  message.text(3, `make_${outputs[0]}`).text(4, operator);
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
  return message;
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, ATTRIBUTE_TYPE.integer);
  if (!Array.isArray(value)) return message.float(2, value.float).integer(20, ATTRIBUTE_TYPE.float);
  for (const item of value) message.integer(8, item);
  return message.integer(20, ATTRIBUTE_TYPE.integers);
}

/** onnx.ValueInfoProto: an input or output. A string in the shape names a size that varies. */
export function value(name: string, element: Element, shape: readonly (number | string)[]): Message {
  const dimensions = new Message();
  for (const size of shape)
    dimensions.message(
      1,
      typeof size === "number" ? new Message().integer(1, size) : new Message().text(2, size),
    );
  const tensor = new Message().integer(1, element).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** onnx.TensorProto */
export function tensor(name: string, shape: readonly number[], data: Float32Array | BigInt64Array): Message {
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  return message
    .integer(2, data instanceof Float32Array ? ELEMENT.float : ELEMENT.int64)
    .text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Name of an onnx.ValueInfoProto: an input or output of a graph. */
export function nameOf(part: Field): string {
  const name = fieldsOf(part.content).find(({ number }) => number === 1);
  return new TextDecoder().decode(name?.content);
}

/** Gives a graph's fields changed, or the very same array for no change. `model` has the fields around the graph. */
export type GraphEdit = (parts: Field[], model: readonly Field[]) => Field[];

/**
 * Makes edits to the graph of an ONNX file, one after the other.
 * @throws RangeError when the bytes are no ONNX file, and what the edits throw.
 */
export function editGraph(onnx: Uint8Array, edits: readonly GraphEdit[]): Uint8Array {
  const model = fieldsOf(onnx);
  const graph = model.find(({ number }) => number === MODEL.graph);
  if (graph === undefined) throw new RangeError("an ONNX file without a graph");
  const parts = fieldsOf(graph.content);
  const edited = edits.reduce((before, edit) => edit(before, model), parts);
  if (edited === parts) return onnx;
  return new Message()
    .copy(...model.filter((field) => field !== graph))
    .message(MODEL.graph, new Message().copy(...edited))
    .encode();
}
