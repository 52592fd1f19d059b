import { ELEMENT, type Element, GRAPH, node, tensor, value } from "../../models/onnx/onnx.ts";
import { type Field, fieldsOf, Message } from "../../models/onnx/wire.ts";
import { nameOf } from "./edit.ts";
import type { TemplatePart } from "./tokens.ts";

const PAST = "past_key_values.";
const PRESENT = "present.";
/** Before a past input that holds one row for the whole batch, and an output that can be given back to it. */
const SHARED = "shared_";
export const SHARED_PAST = `${SHARED}${PAST}`;

/** Long enough for a prefix of a whole step, 32 tokens on WebGPU. */
const NUMBERS =
  "one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen, seventeen, ";

/** Texts for Graph.trySharing(), which begin alike and go on differently, and by different lengths. */
export const TRIAL: TemplatePart[][] = ["18", "eighteen, nineteen", "a"].map((text) => [
  { text: NUMBERS, isOurs: false },
  { text, isOurs: false },
]);

/**
 * An edit of a causal model's graph, so that all rows of a batch can go on from one prefix: each past input has one row,
 * `shared_past_key_values.*` [1, heads, tokens, size], which the graph repeats itself, layer by layer, so that only one
 * layer's copies are in memory. A 16-bit cache goes in and out as 32 bits: Bun hands a 16-bit typed array to a native
 * library as an empty one. A graph without a cache stays as it is.
 *
 * The cache goes through the host: onnxruntime-node 1.30 keeps outputs on a GPU (preferredOutputLocation) only where
 * every run asks for all outputs, as it gives a later run the earlier one's buffers for those not asked for.
 */
export function sharePast(parts: Field[]): Field[] {
  const past = parts.filter((part) => part.number === GRAPH.input && nameOf(part).startsWith(PAST));
  if (past.length === 0) return parts;
  const added = new Message()
    .message(GRAPH.node, node("Shape", ["input_ids"], ["shared_shape"]))
    .message(GRAPH.node, node("Gather", ["shared_shape", "shared_first"], ["shared_rows"], { axis: 0 }))
    .message(GRAPH.node, node("Concat", ["shared_rows", "shared_ones"], ["shared_repeats"], { axis: 0 }))
    .message(GRAPH.initializer, tensor("shared_first", [1], BigInt64Array.of(0n)))
    .message(GRAPH.initializer, tensor("shared_ones", [3], BigInt64Array.of(1n, 1n, 1n)));
  for (const input of past) {
    const { name, element, shape } = cacheOf(input);
    const own = `${SHARED}${name}`;
    const isHalf = element === ELEMENT.float16;
    if (isHalf) added.message(GRAPH.node, node("Cast", [own], [`${own}_half`], { to: ELEMENT.float16 }));
    added
      .message(GRAPH.node, node("Expand", [isHalf ? `${own}_half` : own, "shared_repeats"], [name]))
      .message(GRAPH.input, value(own, isHalf ? ELEMENT.float : element, [1, ...shape.slice(1)]));
  }
  const halves = parts.filter(
    (part) =>
      part.number === GRAPH.output &&
      nameOf(part).startsWith(PRESENT) &&
      cacheOf(part).element === ELEMENT.float16,
  );
  for (const output of halves) {
    const { name, shape } = cacheOf(output);
    added
      .message(GRAPH.node, node("Cast", [name], [`${SHARED}${name}`], { to: ELEMENT.float }))
      .message(GRAPH.output, value(`${SHARED}${name}`, ELEMENT.float, shape));
  }
  const replaced = new Set([...past, ...halves]);
  // The new nodes come first: what a node reads has to be made before it.
  return [...fieldsOf(added.encode()), ...parts.filter((part) => !replaced.has(part))];
}

/**
 * Which output of a graph edited by sharePast() goes into which past input of the next run.
 * @returns undefined where there is no cache, or half of one.
 */
export function cacheOutputs(
  inputs: readonly string[],
  outputs: readonly string[],
): Map<string, string> | undefined {
  const past = inputs.filter((name) => name.startsWith(SHARED_PAST));
  const pairs = past.map((input): [string, string | undefined] => {
    const rest = input.slice(SHARED_PAST.length);
    return [
      input,
      [`${SHARED}${PRESENT}${rest}`, `${PRESENT}${rest}`].find((name) => outputs.includes(name)),
    ];
  });
  const found = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return found.length === 0 || found.length < past.length ? undefined : new Map(found);
}

interface Cache {
  name: string;
  element: Element;
  /** [batch, heads, tokens, size]; what varies has a name. */
  shape: (number | string)[];
}

/** Takes an onnx.ValueInfoProto apart. */
function cacheOf(part: Field): Cache {
  const type = fieldsOf(part.content).find(({ number }) => number === 2);
  const tensorType = fieldsOf(fieldsOf(type!.content)[0]!.content);
  const element = tensorType.find(({ number }) => number === 1)?.integer as Element;
  const dimensions = fieldsOf(tensorType.find(({ number }) => number === 2)!.content);
  const shape = dimensions.map(({ content }, at) => {
    const [size] = fieldsOf(content);
    if (size?.number === 1) return size.integer;
    return size === undefined ? `shared_size_${at}` : new TextDecoder().decode(size.content);
  });
  return { name: nameOf(part), element, shape };
}
