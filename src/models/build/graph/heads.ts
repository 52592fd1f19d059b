import { ELEMENT } from "../../onnx/onnx.ts";
import type { Graph, Value } from "./graph.ts";
import { BATCH, type Inputs } from "./inputs.ts";
import * as op from "./operators.ts";

/** What a graph gives: a vector for each token, one row of logits for a text, or logits for the next token after each. */
export type Head = { kind: "hidden" } | { kind: "classes"; labels: number } | { kind: "language" };

/** All heads give 32-bit floats: Bun cannot take 16-bit ones from a native library. */
export function giveHidden(g: Graph, hidden: Value): void {
  g.output("last_hidden_state", op.cast(g, hidden, ELEMENT.float));
}

/** @param logits [batch, labels] or [batch, tokens, vocabulary] */
export function giveLogits(g: Graph, logits: Value): void {
  g.output("logits", op.cast(g, logits, ELEMENT.float));
}

/**
 * The vector of the first or last token that the mask shows, on whichever side a row is padded: [batch, width]. The
 * originals take place 0, and the last one that is not the padding's id.
 * @param x [batch, tokens, width]
 */
export function tokenAt(inputs: Inputs, x: Value, which: "first" | "last"): Value {
  const g = inputs.graph;
  const width = x.shape[2] as number;
  const place = g.node(
    "ArgMax",
    [op.cast(g, inputs.ownMask(), ELEMENT.int32)],
    { shape: [BATCH], element: ELEMENT.int64 },
    { axis: 1, keepdims: 0, select_last_index: which === "last" ? 1 : 0 },
  );
  const rows = op.range(g, g.integer(0), op.sizeOf(g, inputs.ids, 0), BATCH);
  const starts = op.multiply(g, rows, op.sizeOf(g, inputs.ids, 1));
  const flat = op.reshape(g, x, "tokens of all rows", width);
  return op.gather(g, flat, op.add(g, starts, place));
}
