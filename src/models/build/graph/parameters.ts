import { Failure } from "../../../base/error.ts";
import type { ModelCode } from "../../failure.ts";
import type { Checkpoint, TensorInfo } from "../checkpoint/checkpoint.ts";

/** A tensor of a checkpoint, whose shape is the one that the architecture asks for. */
export interface Parameter {
  name: string;
  shape: readonly number[];
  /**
   * Its numbers, as Checkpoint.read() gives them.
   * @param below what every number's size has to be below: more does not fit into what is made of it
   * @throws Failure `model.corrupt` for a number that is none, `model.unsupported` for one that does not fit
   */
  read(below?: number): AsyncIterable<Float32Array<ArrayBuffer>>;
}

/** A checkpoint that this program would build into something else than its authors meant. */
export function unsupported(message: string): Failure<ModelCode> {
  return new Failure<ModelCode>("model.unsupported", {
    message,
    hint: "this program builds the architectures that models/README.md lists, each as its authors published it",
  });
}

/**
 * The tensors of a checkpoint, each taken by name. What a checkpoint lacks, or has in another shape, or has beyond what the
 * architecture knows, is a sentence: a variant that would be built wrongly shows there.
 */
export class Parameters {
  readonly #checkpoint: Checkpoint;
  readonly #taken = new Set<string>();

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(name);
  }

  /**
   * The first of some beginnings of names with which a tensor is there: the same body is published alone and in models with
   * a head. The last one where none is, so that the tensor is missed under its full name.
   */
  prefix(candidates: readonly string[], name: string): string {
    return candidates.find((prefix) => this.has(`${prefix}${name}`)) ?? candidates.at(-1)!;
  }

  /** @throws Failure `model.unsupported` for a tensor that is not there or has another shape */
  take(name: string, shape: readonly number[]): Parameter {
    const found = this.#checkpoint.tensors.get(name);
    if (found === undefined) throw this.#noTensor(name);
    if (found.shape.join() !== shape.join())
      throw unsupported(
        `the checkpoint's tensor ${name} has the shape [${found.shape.join()}], and [${shape.join()}] by its config.json`,
      );
    this.#taken.add(name);
    return { name, shape, read: (below = Infinity) => checked(this.#checkpoint.read(name), found, below) };
  }

  #noTensor(name: string): Failure<ModelCode> {
    const type = this.#checkpoint.others.get(name);
    if (type === undefined) return unsupported(`the checkpoint has no tensor ${name}`);
    return new Failure<ModelCode>("model.unsupported", {
      message: `the checkpoint's tensor ${name} is of the type ${type}, and weights are read as F32, F16 or BF16 only`,
      hint: "take the checkpoint as it was published in one of these: quantised and converted ones are not built",
    });
  }

  /**
   * @param unused tensors that may be there for something that is not built, such as the head of the training
   * @throws Failure `model.unsupported` for any other tensor that was not taken
   */
  refuseLeft(unused: RegExp): void {
    for (const name of this.#checkpoint.tensors.keys())
      if (!this.#taken.has(name) && !unused.test(name))
        throw unsupported(`the checkpoint has a tensor that its architecture does not know: ${name}`);
  }
}

/** A nanosecond or two for each number, of the twelve and more that a build takes. */
async function* checked(
  pieces: AsyncIterable<Float32Array<ArrayBuffer>>,
  tensor: TensorInfo,
  below: number,
): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  let before = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at++) {
      const number = piece[at]!;
      // Not the other way round: NaN is below nothing.
      if (!(number < below && number > -below)) throw wrongNumber(tensor, before + at, number);
    }
    before += piece.length;
    yield piece;
  }
}

function wrongNumber({ name, shape }: TensorInfo, at: number, number: number): Failure<ModelCode> {
  let rest = at;
  const place = shape
    .toReversed()
    .map((length) => {
      const index = rest % length;
      rest = Math.floor(rest / length);
      return index;
    })
    .toReversed();
  const where = `the checkpoint's tensor ${name} has ${number}${place.length > 0 ? ` at [${place.join()}]` : ""}`;
  if (Number.isFinite(number))
    return new Failure<ModelCode>("model.unsupported", {
      message: `${where}, which does not fit into the 16 bits of this form`,
      hint: "choose another form with --dtype: fp32, q8 or q4",
    });
  return new Failure<ModelCode>("model.corrupt", {
    message: `${where}, which is no number to compute with`,
    hint: "the weights are damaged, or their training failed: get them again from where they were published",
  });
}
