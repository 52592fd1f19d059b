import { GRAPH, MODEL } from "./onnx.ts";
import { fieldsOf } from "./wire.ts";

/** Field numbers of onnx.NodeProto. */
const NODE = { operator: 4, domain: 7 } as const;
const DECODER = new TextDecoder();

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
      const parts = fieldsOf(content);
      const textOf = (field: number): string =>
        DECODER.decode(parts.find((part) => part.number === field)?.content);
      const domain = textOf(NODE.domain);
      const kind = `${domain === "" ? "" : `${domain}/`}${textOf(NODE.operator)}`;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  return [...counts].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
}
