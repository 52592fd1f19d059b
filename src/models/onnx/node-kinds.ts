import { GRAPH, MODEL } from "./onnx.ts";
import { readNode } from "./read.ts";
import { fieldsOf } from "./wire.ts";

/**
 * How many nodes of each operator a graph has, the most frequent first; operators of others than ONNX itself with their domain.
 * @param onnx weights in it are not touched, so a mapped file of gigabytes is no matter
 * @throws RangeError for what is no ONNX file
 */
export function nodeKinds(onnx: Uint8Array): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  const graphs = fieldsOf(onnx).filter(({ number }) => number === MODEL.graph);
  for (const graph of graphs)
    for (const { number, content } of fieldsOf(graph.content)) {
      if (number !== GRAPH.node) continue;
      const { operator } = readNode(content);
      counts.set(operator, (counts.get(operator) ?? 0) + 1);
    }
  return [...counts].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
}
