import { ENTRY, GRAPH, TENSOR } from "./onnx.ts";
import { partsOf, textOf } from "./read.ts";
import { fieldsOf } from "./wire.ts";

/**
 * Names of the files beside it that a graph takes weights from.
 * @throws RangeError for what is no ONNX file
 */
export function outsideFiles(onnx: Uint8Array): Set<string> {
  const names = new Set<string>();
  for (const { content } of partsOf(onnx, GRAPH.initializer))
    for (const field of fieldsOf(content)) {
      if (field.number !== TENSOR.outside) continue;
      const entry = fieldsOf(field.content);
      if (textOf(entry, ENTRY.key) === "location") names.add(textOf(entry, ENTRY.value));
    }
  return names;
}
