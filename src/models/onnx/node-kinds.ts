import { GRAPH } from "./onnx.ts";
import { partsOf, readNode } from "./read.ts";

/**
 * How many nodes of each operator a graph has, the most frequent first; operators of others than ONNX itself with their domain.
 * @throws RangeError for what is no ONNX file
 */
export function nodeKinds(onnx: Uint8Array): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { content } of partsOf(onnx, GRAPH.node)) {
    const { operator } = readNode(content);
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return [...counts].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
}
