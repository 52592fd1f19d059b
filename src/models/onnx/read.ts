import { ATTRIBUTE, MODEL, NODE, TENSOR } from "./onnx.ts";
import { type Field, fieldsOf } from "./wire.ts";

const DECODER = new TextDecoder();

/** A field of text; empty where it is left out. */
export const textOf = (fields: readonly Field[], number: number): string =>
  DECODER.decode(fields.find((field) => field.number === number)?.content);

/**
 * The fields of one number of an ONNX file's graph.
 * @param onnx weights in it are not touched, so a mapped file of gigabytes is no matter
 * @throws RangeError for what is no ONNX file
 */
export const partsOf = (onnx: Uint8Array, number: number): Field[] =>
  fieldsOf(onnx)
    .filter((field) => field.number === MODEL.graph)
    .flatMap((graph) => fieldsOf(graph.content))
    .filter((field) => field.number === number);

/** What an onnx.NodeProto says. */
export interface ReadNode {
  /** The operator's name, after `domain/` where it is none of ONNX itself. */
  operator: string;
  /** Names; empty for one that is left out. */
  inputs: string[];
  outputs: string[];
  /** Attributes of one whole number, 0 and more. */
  integers: ReadonlyMap<string, number>;
}

/** @throws RangeError for what is no onnx.NodeProto */
export function readNode(content: Uint8Array): ReadNode {
  const parts = fieldsOf(content);
  const textsOf = (field: number): string[] =>
    parts.filter(({ number }) => number === field).map((part) => DECODER.decode(part.content));
  const domain = textOf(parts, NODE.domain);
  const name = textOf(parts, NODE.operator);
  const integers = new Map<string, number>();
  for (const { number, content: attribute } of parts) {
    if (number !== NODE.attribute) continue;
    const own = fieldsOf(attribute);
    const value = own.find((part) => part.number === ATTRIBUTE.integer);
    if (value !== undefined) integers.set(textOf(own, ATTRIBUTE.name), value.integer);
  }
  return {
    operator: domain === "" ? name : `${domain}/${name}`,
    inputs: textsOf(NODE.input),
    outputs: textsOf(NODE.output),
    integers,
  };
}

/** Of an onnx.TensorProto. */
export interface ReadTensor {
  name: string;
  element: number;
  /** Its numbers as they lie in the file; none where they lie elsewhere. */
  bytes?: Uint8Array;
}

/** @throws RangeError for what is no onnx.TensorProto */
export function readTensor(content: Uint8Array): ReadTensor {
  const parts = fieldsOf(content);
  const fieldOf = (field: number) => parts.find(({ number }) => number === field);
  const bytes = fieldOf(TENSOR.content)?.content;
  return {
    name: textOf(parts, TENSOR.name),
    element: fieldOf(TENSOR.element)?.integer ?? 0,
    ...(bytes && { bytes }),
  };
}
