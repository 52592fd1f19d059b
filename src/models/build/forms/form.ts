import type { Element } from "../../onnx/onnx.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";

/** How the weights of a model are stored, and in what numbers it computes. */
export interface Form {
  /** Of the numbers that pass from layer to layer. */
  readonly element: Element;
  /** x [..., in] times the transpose of a matrix [out, in]: [..., out], in the form's numbers. */
  linear(g: Graph, x: Value, matrix: Parameter): Value;
  /** The same with a matrix whose rows are also looked up, as word embeddings that are the head as well. */
  tied(g: Graph, x: Value, table: Parameter): Value;
  /** Rows of a table [count, width] by their numbers [...]: [..., width]. */
  lookUp(g: Graph, table: Parameter, places: Value): Value;
  /** A tensor of few numbers, such as a bias, as it is. */
  few(g: Graph, tensor: Parameter): Value;
}
