import { Message } from "./wire.ts";

/** Element types of onnx.TensorProto. */
export const ELEMENT = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type Element = (typeof ELEMENT)[keyof typeof ELEMENT];

/** Field numbers of onnx.proto that are used. */
export const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
export const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = { name: 1, float: 2, integer: 3, integers: 8, type: 20 } as const;
/** Of onnx.TensorProto; `outside` says where the numbers lie instead, an entry of key and value each, and `place` that they do. */
export const TENSOR = { dimension: 1, element: 2, name: 8, content: 9, outside: 13, place: 14 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
const ATTRIBUTE_TYPE = { float: 1, integer: 2, integers: 7 } as const;

/** A whole number, a list of them, or `{ float }`: JavaScript cannot tell 1 from 1.0. */
export type Attribute = number | number[] | { float: number };

/** ONNX Runtime's own operators. */
export const MICROSOFT = "com.microsoft";

/**
 * onnx.NodeProto
 * @param operator its name, after `domain/` where it is none of ONNX itself
 */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Message {
  const [name = "", domain] = operator.split("/").reverse();
  const message = new Message();
  for (const name of inputs) message.text(NODE.input, name);
  for (const name of outputs) message.text(NODE.output, name);
  message.text(NODE.name, `make_${outputs[0]}`).text(NODE.operator, name);
  if (domain !== undefined) message.text(NODE.domain, domain);
  for (const [key, value] of Object.entries(attributes))
    message.message(NODE.attribute, attribute(key, value));
  return message;
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(ATTRIBUTE.name, name);
  const { type } = ATTRIBUTE;
  if (typeof value === "number")
    return message.integer(ATTRIBUTE.integer, value).integer(type, ATTRIBUTE_TYPE.integer);
  if (!Array.isArray(value))
    return message.float(ATTRIBUTE.float, value.float).integer(type, ATTRIBUTE_TYPE.float);
  for (const item of value) message.integer(ATTRIBUTE.integers, item);
  return message.integer(type, ATTRIBUTE_TYPE.integers);
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

/** Numbers of a tensor that stands in the graph. */
export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** onnx.TensorProto */
export function tensor(name: string, shape: readonly number[], data: TensorData): Message {
  return tensorHead(name, shape, elementOf(data)).bytes(
    TENSOR.content,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

export function elementOf(data: TensorData): Element {
  if (data instanceof Float32Array) return ELEMENT.float;
  if (data instanceof Uint8Array) return ELEMENT.uint8;
  return data instanceof Int32Array ? ELEMENT.int32 : ELEMENT.int64;
}

/** An onnx.TensorProto without its numbers, which lie row-major and little-endian in its `content`. */
export function tensorHead(name: string, shape: readonly number[], element: Element): Message {
  const message = new Message();
  for (const size of shape) message.integer(TENSOR.dimension, size);
  return message.integer(TENSOR.element, element).text(TENSOR.name, name);
}

/** An onnx.TensorProto whose numbers lie in a file beside the graph's. */
export function outsideTensor(head: Message, location: string, offset: number, length: number): Message {
  const entry = (key: string, value: string): Message =>
    new Message().text(ENTRY.key, key).text(ENTRY.value, value);
  return head
    .message(TENSOR.outside, entry("location", location))
    .message(TENSOR.outside, entry("offset", `${offset}`))
    .message(TENSOR.outside, entry("length", `${length}`))
    .integer(TENSOR.place, 1);
}
