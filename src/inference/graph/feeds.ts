/** Tensors that a causal model or an encoder takes, whatever it is for. */

import { type InferenceSession, Tensor } from "onnxruntime-node";
import { type Batch, padBatch } from "./batches.ts";
import { SHARED_PAST } from "./shared-past.ts";
import type { TokenRow } from "./tokens.ts";

type Inputs = readonly InferenceSession.ValueMetadata[];

/**
 * Ids, mask, types and positions of a batch, as far as the graph takes them.
 * @param offset tokens before each row, which the cache holds.
 * @param showsPadding as in OpenOptions.
 */
export function rowFeeds(
  inputs: Inputs,
  rows: readonly TokenRow[],
  batch: Batch,
  { offset, showsPadding = false }: { offset: number; showsPadding?: boolean },
): Record<string, Tensor> {
  const { width } = batch;
  const count = batch.rows.length;
  const ids = rows.map((row) => row.ids);
  const { inputIds, attentionMask } = padBatch(ids, batch, offset);
  if (showsPadding) attentionMask.fill(1n);
  const feeds: Record<string, Tensor> = {};
  for (const { name } of inputs) {
    if (name === "input_ids") feeds[name] = new Tensor("int64", inputIds, [count, width]);
    else if (name === "attention_mask")
      feeds[name] = new Tensor("int64", attentionMask, [count, offset + width]);
    else if (name === "token_type_ids")
      feeds[name] = new Tensor("int64", padTypes(rows, batch), [count, width]);
    else if (name === "position_ids")
      feeds[name] = new Tensor("int64", positions(batch, offset), [count, width]);
  }
  return feeds;
}

/** Keys and values of no earlier token, where the graph takes any. */
export function cacheFeeds(inputs: Inputs, rows: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const input of inputs) {
    if (!input.isTensor) continue;
    const { name, type, shape } = input;
    if (name.startsWith(SHARED_PAST)) feeds[name] = emptyPast(type, shape, 1);
    else if (name.startsWith("past_key_values.")) feeds[name] = emptyPast(type, shape, rows);
  }
  return feeds;
}

function padTypes(rows: readonly TokenRow[], { rows: numbers, width }: Batch): BigInt64Array {
  const types = new BigInt64Array(numbers.length * width);
  for (const [index, row] of numbers.entries())
    for (const [at, type] of (rows[row]!.types ?? []).entries()) types[index * width + at] = BigInt(type);
  return types;
}

/** Rows are padded at the end, so a token's position is its place. */
function positions({ rows, width }: Batch, offset: number): BigInt64Array {
  return BigInt64Array.from({ length: rows.length * width }, (_, at) => BigInt(offset + (at % width)));
}

/** Keys or values of no earlier token, [batch, heads, 0, size]. */
function emptyPast(type: Tensor.Type, shape: readonly (number | string)[], rows: number): Tensor {
  const sizes = shape.map((size, at) => (at === 0 ? rows : typeof size === "number" && size > 0 ? size : 0));
  return type === "float16"
    ? new Tensor("float16", new Uint16Array(0), sizes)
    : new Tensor("float32", new Float32Array(0), sizes);
}
