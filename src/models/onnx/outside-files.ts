import { ENTRY, GRAPH, MODEL, TENSOR } from "./onnx.ts";
import { fieldsOf } from "./wire.ts";

const DECODER = new TextDecoder();

/**
 * Names of the files beside it that a graph takes weights from.
 * @throws RangeError for what is no ONNX file
 */
export function outsideFiles(onnx: Uint8Array): Set<string> {
  const names = new Set<string>();
  const graphs = fieldsOf(onnx).filter(({ number }) => number === MODEL.graph);
  for (const graph of graphs)
    for (const { number, content } of fieldsOf(graph.content)) {
      if (number !== GRAPH.initializer) continue;
      for (const field of fieldsOf(content)) {
        if (field.number !== TENSOR.outside) continue;
        const entry = fieldsOf(field.content);
        const textOf = (part: number): string =>
          DECODER.decode(entry.find((found) => found.number === part)?.content);
        if (textOf(ENTRY.key) === "location") names.add(textOf(ENTRY.value));
      }
    }
  return names;
}
