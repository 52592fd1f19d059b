import type { ModelManifest } from "../../models/manifest.ts";
import { ELEMENT, GRAPH, node, tensor, value } from "../../models/onnx/onnx.ts";
import { fieldsOf, Message } from "../../models/onnx/wire.ts";
import type { GraphEdit } from "./edit.ts";

/** A linear probe on states inside an encoder. */
export type OrderProbe = NonNullable<NonNullable<ModelManifest["embedding"]>["order"]>;

/** How likely each token's word does not follow the one before it in any text, [batch, tokens, 1]. */
export const DISORDER = "word_disorder";

/** An edit that appends the probe to an encoder's graph, so that it rides on the pass that makes the vectors. */
export function appendOrderProbe({ states, weights, bias }: OrderProbe): GraphEdit {
  const added = new Message()
    .message(GRAPH.node, node("MatMul", [states, "order_weights"], ["order_product"]))
    .message(GRAPH.node, node("Add", ["order_product", "order_bias"], ["order_logit"]))
    .message(GRAPH.node, node("Sigmoid", ["order_logit"], [DISORDER]))
    .message(GRAPH.initializer, tensor("order_weights", [weights.length, 1], Float32Array.from(weights)))
    .message(GRAPH.initializer, tensor("order_bias", [1], Float32Array.of(bias)))
    .message(GRAPH.output, value(DISORDER, ELEMENT.float, ["batch", "length", 1]));
  return (parts) => [...parts, ...fieldsOf(added.encode())];
}

/** Mean over the tokens that begin a word; 0 for a text without any. */
export function meanDisorder(
  numbers: Float32Array,
  width: number,
  { index, ids, isStart }: { index: number; ids: readonly number[]; isStart: (id: number) => boolean },
): number {
  let sum = 0;
  let words = 0;
  for (const [at, id] of ids.entries()) {
    if (!isStart(id)) continue;
    sum += numbers[index * width + at]!;
    words++;
  }
  return words === 0 ? 0 : sum / words;
}
