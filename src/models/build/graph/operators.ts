import { type Attribute, ELEMENT, type Element, MICROSOFT } from "../../onnx/onnx.ts";
import type { Graph, Shape, Size, Value } from "./graph.ts";

/**
 * Operators as functions of values that know their shapes, so that a graph that cannot run is refused where it is made. All
 * have kernels for CPU and WebGPU in ONNX Runtime 1.30 that give PyTorch's numbers (test/models/build).
 */

/** A size that goes with another one name by name, as numpy broadcasts. */
function broadcast(a: Shape, b: Shape): Shape {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, at): Size => {
    const one = a[a.length - length + at] ?? 1;
    const other = b[b.length - length + at] ?? 1;
    if (one === 1) return other;
    if (other === 1 || one === other) return one;
    throw new RangeError(`shapes [${a.join()}] and [${b.join()}] do not go together`);
  });
}

function elementwise(operator: string, element?: Element) {
  return (g: Graph, a: Value, b: Value): Value => {
    if (a.element !== b.element) throw new RangeError(`${operator} of two types of numbers`);
    return g.node(operator, [a, b], {
      shape: broadcast(a.shape, b.shape),
      ...(element !== undefined && { element }),
    });
  };
}

export const add = elementwise("Add");
export const subtract = elementwise("Sub");
export const multiply = elementwise("Mul");
export const divide = elementwise("Div");
export const maximum = elementwise("Max");
export const isAtLeast = elementwise("GreaterOrEqual", ELEMENT.bool);
export const isLess = elementwise("Less", ELEMENT.bool);

function unary(operator: string, attributes: Record<string, Attribute> = {}) {
  return (g: Graph, x: Value): Value => g.node(operator, [x], { shape: x.shape }, attributes);
}

export const absolute = unary("Abs");
export const tanh = unary("Tanh");
export const relu = unary("Relu");
/** x · Φ(x). */
export const gelu = unary(`${MICROSOFT}/Gelu`);
/** Its approximation by tanh, which transformers calls gelu_new and gelu_pytorch_tanh. */
export const geluByTanh = unary(`${MICROSOFT}/FastGelu`);
/** x · σ(x). */
export const silu = unary(`${MICROSOFT}/QuickGelu`, { alpha: { float: 1 } });
export const softmax = unary("Softmax", { axis: -1 });

/** As it is where it has that type already. */
export function cast(g: Graph, x: Value, element: Element): Value {
  return x.element === element ? x : g.node("Cast", [x], { shape: x.shape, element }, { to: element });
}

/** A number as large as x's, times x. */
export function scale(g: Graph, x: Value, factor: number): Value {
  return factor === 1 ? x : multiply(g, x, cast(g, g.number(factor), x.element));
}

/** The largest number along the last axis: [..., 1]. */
export function maxOfLast(g: Graph, x: Value): Value {
  return g.node("ReduceMax", [x, g.integers(-1)], { shape: [...x.shape.slice(0, -1), 1] }, { keepdims: 1 });
}

/** [..., m, k] · [..., k, n]. */
export function product(g: Graph, a: Value, b: Value): Value {
  const [inner, outer] = [a.shape.at(-1)!, b.shape.at(-2)!];
  if (inner !== outer) throw new RangeError(`no product of [${a.shape.join()}] and [${b.shape.join()}]`);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return g.node("MatMul", [a, b], { shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] });
}

export function transpose(g: Graph, x: Value, ...order: number[]): Value {
  return g.node("Transpose", [x], { shape: order.map((at) => x.shape[at]!) }, { perm: order });
}

/**
 * The same numbers in another shape. A size that varies either stays in its place or is the only one that is worked out.
 */
export function reshape(g: Graph, x: Value, ...shape: Size[]): Value {
  const sizes = shape.map((size, at) => (typeof size === "number" ? size : size === x.shape[at] ? 0 : -1));
  if (sizes.filter((size) => size === -1).length > 1)
    throw new RangeError(`two sizes of [${shape.join()}] would have to be worked out`);
  return g.node("Reshape", [x, g.integers(...sizes)], { shape });
}

/** Adds sizes of 1 at the given places of the result. */
export function unsqueeze(g: Graph, x: Value, ...axes: number[]): Value {
  const shape = [...x.shape];
  for (const axis of axes) shape.splice(axis, 0, 1);
  return g.node("Unsqueeze", [x, g.integers(...axes)], { shape });
}

/** @param size of the result along the axis */
export function concat(g: Graph, parts: readonly Value[], axis: number, size: Size): Value {
  const shape = parts[0]!.shape.map((own, at) => (at === axis ? size : own));
  return g.node("Concat", parts, { shape }, { axis });
}

/** What stands at some places of an axis: [before..., places..., after...]. */
export function gather(g: Graph, x: Value, places: Value, axis = 0): Value {
  const shape = [...x.shape.slice(0, axis), ...places.shape, ...x.shape.slice(axis + 1)];
  return g.node("Gather", [x, places], { shape }, { axis });
}

/** From a place of an axis to its end. */
export function sliceFrom(g: Graph, x: Value, start: Value, axis: number, size: Size): Value {
  const shape = x.shape.map((own, at) => (at === axis ? size : own));
  const end = g.integers(2 ** 31 - 1);
  return g.node("Slice", [x, start, end, g.integers(axis)], { shape });
}

/** One size of a tensor, as a single number of 64 bits. */
export function sizeOf(g: Graph, x: Value, axis: number): Value {
  const sizes = g.node("Shape", [x], { shape: [x.shape.length], element: ELEMENT.int64 });
  return gather(g, sizes, g.integer(axis));
}

/** from, from + 1, ... up to and without `to`, which are single numbers of one type. */
export function range(g: Graph, from: Value, to: Value, size: Size): Value {
  return g.node("Range", [from, to, cast(g, g.integer(1), from.element)], { shape: [size] });
}
