import { ELEMENT, GRAPH, MODEL, node, tensor, value } from "../../models/onnx/onnx.ts";
import { type Field, fieldsOf, Message } from "../../models/onnx/wire.ts";
import { nameOf } from "./edit.ts";

/** What the edited graph takes besides its own inputs, and gives in place of `logits`. */
export const TOKEN_IDS = "scored_token_ids";
/** log Σ exp of all logits at a place, [batch, width]. */
export const LOG_SUM = "scored_log_sum";
/** Logits of the wanted tokens, [batch, width, tokens]. */
export const PICKED = "scored_picked";

const AXES_INPUT_OPSET = 18;

/**
 * An edit that appends to a language model's graph what turns its logits into the few numbers that scoring needs, so that
 * the logits (620 MB for 1024 tokens of a vocabulary of 152 000) never leave the device. Only `logits`, which nothing
 * else reads, stops being an output.
 * @param parts of a graph with an output `logits` [batch, width, vocabulary]
 * @throws RangeError when the graph has none
 */
export function appendScoredHead(parts: Field[], model: readonly Field[]): Field[] {
  const logits = parts.find((part) => part.number === GRAPH.output && nameOf(part) === "logits");
  if (logits === undefined) throw new RangeError("the graph has no output named logits");
  const added = new Message()
    // Half precision would lose the sum of a large vocabulary.
    .message(GRAPH.node, node("Cast", ["logits"], ["scored_logits"], { to: ELEMENT.float }))
    .message(GRAPH.node, largestLogit(model))
    .message(GRAPH.node, node("Sub", ["scored_logits", "scored_max"], ["scored_shifted"]))
    .message(GRAPH.node, node("Exp", ["scored_shifted"], ["scored_exp"]))
    .message(GRAPH.node, node("ReduceSum", ["scored_exp", "scored_axis"], ["scored_sum"], { keepdims: 1 }))
    .message(GRAPH.node, node("Log", ["scored_sum"], ["scored_log"]))
    .message(GRAPH.node, node("Add", ["scored_log", "scored_max"], [LOG_SUM]))
    .message(GRAPH.node, node("Gather", ["scored_logits", TOKEN_IDS], [PICKED], { axis: 2 }))
    .message(GRAPH.initializer, tensor("scored_axis", [1], BigInt64Array.of(2n)))
    .message(GRAPH.input, value(TOKEN_IDS, ELEMENT.int64, ["tokens"]))
    .message(GRAPH.output, value(LOG_SUM, ELEMENT.float, ["batch_size", "sequence_length", 1]))
    .message(GRAPH.output, value(PICKED, ELEMENT.float, ["batch_size", "sequence_length", "tokens"]));
  return [...parts.filter((part) => part !== logits), ...fieldsOf(added.encode())];
}

/** ReduceMax over the vocabulary: its axes were an attribute up to opset 17, and are an input from 18 on. */
function largestLogit(model: readonly Field[]): Message {
  const opset = Math.max(...model.filter(isOwnOpset).map(({ content }) => versionOf(content)));
  return opset < AXES_INPUT_OPSET
    ? node("ReduceMax", ["scored_logits"], ["scored_max"], { axes: [2], keepdims: 1 })
    : node("ReduceMax", ["scored_logits", "scored_axis"], ["scored_max"], { keepdims: 1 });
}

/** An opset of ONNX itself: its domain is empty or left out. */
function isOwnOpset({ number, content }: Field): boolean {
  return (
    number === MODEL.opset &&
    fieldsOf(content).every((field) => field.number !== 1 || field.content.length === 0)
  );
}

const versionOf = (opset: Uint8Array): number =>
  fieldsOf(opset).find(({ number }) => number === 2)?.integer ?? 0;
