import { ELEMENT } from "../../onnx/onnx.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { gather, product, reshape } from "../graph/operators.ts";
import type { Parameter } from "../graph/parameters.ts";
import type { Form } from "./form.ts";
import { type FloatElement, floats, transposed } from "./storage.ts";

/** Weights in the numbers that are computed in: fp32, or fp16. */
export class FloatForm implements Form {
  readonly element: FloatElement;

  constructor(element: FloatElement = ELEMENT.float) {
    this.element = element;
  }

  linear(g: Graph, x: Value, matrix: Parameter): Value {
    return product(g, x, g.weight(transposed(matrix, this.element)));
  }

  tied(g: Graph, x: Value, table: Parameter): Value {
    const [rows, width] = table.shape as [number, number];
    const flat = reshape(g, x, "tokens of all rows", width);
    const weight = g.weight(floats(table, this.element));
    const made = g.node("Gemm", [flat, weight], { shape: ["tokens of all rows", rows] }, { transB: 1 });
    // Two sizes vary, and only one can be worked out: the other stays that of x.
    const sizes = g.node("Shape", [x], { shape: [2], element: ELEMENT.int64 }, { start: 0, end: 2 });
    const shape = g.node("Concat", [sizes, g.integers(rows)], { shape: [3] }, { axis: 0 });
    return g.node("Reshape", [made, shape], { shape: [...x.shape.slice(0, -1), rows] });
  }

  lookUp(g: Graph, table: Parameter, places: Value): Value {
    return gather(g, g.weight(floats(table, this.element)), places);
  }

  few(g: Graph, tensor: Parameter): Value {
    return g.weight(floats(tensor, this.element));
  }
}
