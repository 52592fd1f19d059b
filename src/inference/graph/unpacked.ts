import { ELEMENT, GRAPH, MICROSOFT, node, tensor } from "../../models/onnx/onnx.ts";
import { type ReadNode, type ReadTensor, readNode, readTensor } from "../../models/onnx/read.ts";
import { type Field, fieldsOf, Message } from "../../models/onnx/wire.ts";

/** The step that stands for 0 in bytes. */
const ZERO = 128;
/** Inputs of MatMulNBits. */
const INPUTS = { x: 0, steps: 1, sizes: 2, zeros: 3, order: 4, bias: 5 } as const;

/** A matrix [outputs, inputs] in steps of a byte. */
interface PackedMatrix {
  steps: Uint8Array;
  /** Size of a step for each block of a row. */
  sizes: Float32Array;
  inputs: number;
  outputs: number;
  block: number;
}

/**
 * An edit that turns matrices in bytes into 32-bit floats once and for all: MatMulNBits does so again in each run, for which a CPU
 * needs longer than for the product. The numbers are those of the bytes. Matrices in fewer bits, with a zero of their own, or
 * whose activations are put into bytes too stay as they are.
 */
export function unpackMatrices(parts: Field[]): Field[] {
  const read = new Map(
    parts
      .filter(({ number }) => number === GRAPH.initializer)
      .map((part) => [part, readTensor(part.content)]),
  );
  const tensors = new Map([...read.values()].map((tensor) => [tensor.name, tensor]));
  const products = new Map<Field, Field[]>();
  const unread = new Set<string>();
  const others: string[] = [];
  for (const part of parts) {
    if (part.number !== GRAPH.node) continue;
    const known = readNode(part.content);
    const matrix = packedMatrix(known, tensors);
    if (matrix === undefined) others.push(...known.inputs);
    else {
      products.set(part, fieldsOf(plainProduct(known, matrix).encode()));
      for (const input of [INPUTS.steps, INPUTS.sizes]) unread.add(known.inputs[input]!);
    }
  }
  if (products.size === 0) return parts;
  for (const name of others) unread.delete(name);
  return parts.flatMap((part) => {
    const name = read.get(part)?.name;
    return name !== undefined && unread.has(name) ? [] : (products.get(part) ?? [part]);
  });
}

function packedMatrix(
  { operator, inputs: names, integers }: ReadNode,
  tensors: ReadonlyMap<string, ReadTensor>,
): PackedMatrix | undefined {
  if (operator !== `${MICROSOFT}/MatMulNBits`) return undefined;
  if (integers.get("bits") !== 8 || (integers.get("accuracy_level") ?? 0) !== 0) return undefined;
  if (names[INPUTS.zeros] || names[INPUTS.order]) return undefined;
  const [steps, sizes] = [INPUTS.steps, INPUTS.sizes].map((input) => tensors.get(names[input]!));
  if (steps?.bytes === undefined || sizes?.bytes === undefined || sizes.element !== ELEMENT.float)
    return undefined;
  const [inputs, outputs, block] = ["K", "N", "block_size"].map((name) => integers.get(name) ?? 0);
  const isWhole =
    steps.bytes.length === inputs! * outputs! && sizes.bytes.length * block! === 4 * steps.bytes.length;
  if (!isWhole) return undefined;
  return {
    steps: steps.bytes,
    // Copied, since it lies anywhere in the file.
    sizes: new Float32Array(sizes.bytes.slice().buffer),
    inputs: inputs!,
    outputs: outputs!,
    block: block!,
  };
}

function plainProduct({ inputs: names, outputs: [made] }: ReadNode, matrix: PackedMatrix): Message {
  const [weight, product] = [`${made}.unpacked`, `${made}.product`];
  const bias = names[INPUTS.bias];
  const message = new Message()
    .message(GRAPH.initializer, tensor(weight, [matrix.inputs, matrix.outputs], floatsOf(matrix)))
    .message(GRAPH.node, node("MatMul", [names[INPUTS.x]!, weight], [bias ? product : made!]));
  return bias ? message.message(GRAPH.node, node("Add", [product, bias], [made!])) : message;
}

/** Its numbers, turned: [inputs, outputs]. */
function floatsOf({ steps, sizes, inputs, outputs, block }: PackedMatrix): Float32Array {
  const floats = new Float32Array(inputs * outputs);
  const blocks = inputs / block;
  for (let output = 0; output < outputs; output++)
    for (let at = 0; at < blocks; at++) {
      const size = sizes[output * blocks + at]!;
      for (let input = at * block; input < (at + 1) * block; input++)
        floats[input * outputs + output] = (steps[output * inputs + input]! - ZERO) * size;
    }
  return floats;
}
