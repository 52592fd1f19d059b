import { Failure } from "../../../base/error.ts";
import type { ModelCode } from "../../failure.ts";
import type { Checkpoint, FloatType, RowRange, TensorInfo } from "./checkpoint.ts";
import { BYTES_OF, toFloat32 } from "./floats.ts";
import { quoted } from "./refusal.ts";
import type { WeightsFile } from "./weights-file.ts";

/** Of one piece, in the file. */
const PIECE_BYTES = 4 << 20;

/** A tensor whose numbers lie in a row in a file. */
export interface Extent extends TensorInfo {
  file: WeightsFile;
  /** Of its first byte in the file. */
  offset: number;
}

/** What a format has found in its files. */
export interface Found {
  tensors: Map<string, Extent>;
  others: Map<string, string>;
}

/** Types of numbers, as both formats know them, that are no weights. */
export type OtherType = "F64" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

export function isFloatType(type: string): type is FloatType {
  return Object.hasOwn(BYTES_OF, type);
}

/** @returns the product of a shape; undefined where it is no shape, or larger than any file */
export function countOf(shape: readonly unknown[]): number | undefined {
  let count = 1;
  for (const length of shape) {
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) return undefined;
    count *= length;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** A checkpoint over tensors that lie in open files. */
export class FileCheckpoint implements Checkpoint {
  readonly config: Checkpoint["config"];
  readonly tensors: ReadonlyMap<string, Extent>;
  readonly others: ReadonlyMap<string, string>;
  readonly #files: readonly WeightsFile[];

  constructor(config: Checkpoint["config"], { tensors, others }: Found, files: readonly WeightsFile[]) {
    this.config = config;
    this.tensors = tensors;
    this.others = others;
    this.#files = files;
  }

  async *read(
    name: string,
    { from = 0, to }: RowRange = {},
  ): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    const extent = this.tensors.get(name);
    if (extent === undefined)
      throw new Failure<ModelCode>("model.missing", {
        message: `the checkpoint has no weights called ${quoted(name)}`,
        hint: "config.json may be that of another model than the weights",
      });
    const { dtype, shape, file } = extent;
    const [rows, ...inner] = shape.length === 0 ? [1] : (shape as [number, ...number[]]);
    const end = to ?? rows;
    if (!(Number.isInteger(from) && Number.isInteger(end) && from >= 0 && from <= end && end <= rows))
      throw new RangeError(`rows ${from} to ${end} of ${name}, which has ${rows}`);
    if (countOf(shape) === 0) return;
    const rowBytes = countOf(inner)! * BYTES_OF[dtype];
    // Whole rows where one fits; a multiple of four bytes else, which is a multiple of every type's size.
    const pieceBytes = rowBytes <= PIECE_BYTES ? Math.floor(PIECE_BYTES / rowBytes) * rowBytes : PIECE_BYTES;
    const last = extent.offset + end * rowBytes;
    for (let at = extent.offset + from * rowBytes; at < last; at += pieceBytes)
      yield toFloat32(dtype, await file.bytes(at, Math.min(pieceBytes, last - at)));
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}
