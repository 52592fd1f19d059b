import { MODEL } from "../../models/onnx/onnx.ts";
import { textOf } from "../../models/onnx/read.ts";
import { type Field, fieldsOf, Message } from "../../models/onnx/wire.ts";

/** Name of an onnx.ValueInfoProto: an input or output of a graph. */
export const nameOf = (part: Field): string => textOf(fieldsOf(part.content), 1);

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
