/** Number types of weights that can be read; every one becomes float32, which holds each of them exactly. */
export type FloatType = "F32" | "F16" | "BF16";

/** What a checkpoint says of one tensor; its bytes are known to lie in the file. */
export interface TensorInfo {
  name: string;
  dtype: FloatType;
  /** Outermost first; empty for a single number. */
  shape: readonly number[];
}

/** Rows of a tensor along its first axis; a single number is one row. */
export interface RowRange {
  /** 0 unless given. */
  from?: number;
  /** Not itself among them; all that follow unless given. */
  to?: number;
}

/** The weights of a model as its authors published them. None of them is in memory before it is read. */
export interface Checkpoint {
  /** What config.json holds; an object, of which nothing else is known. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Weights by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Tensors of other types, such as tables of positions: name → type as the file calls it. They cannot be read. */
  readonly others: ReadonlyMap<string, string>;
  /**
   * The numbers of a tensor in row-major order, in pieces of whole rows and of at most a few megabytes where a row is not
   * larger. A piece is the reader's to keep.
   * @throws Failure `model.missing` for a name that is not among `tensors`, `model.corrupt` for a file that became shorter;
   * RangeError for rows that the tensor has not.
   */
  read(name: string, rows?: RowRange): AsyncIterable<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}
