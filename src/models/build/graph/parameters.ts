import { Failure } from "../../../base/error.ts";
import type { ModelCode } from "../../failure.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";

/** A tensor of a checkpoint, whose shape is the one that the architecture asks for. */
export interface Parameter {
  name: string;
  shape: readonly number[];
  read(): AsyncIterable<Float32Array<ArrayBuffer>>;
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
    if (found === undefined) throw unsupported(`the checkpoint has no tensor ${name}`);
    if (found.shape.join() !== shape.join())
      throw unsupported(
        `the checkpoint's tensor ${name} has the shape [${found.shape.join()}], and [${shape.join()}] by its config.json`,
      );
    this.#taken.add(name);
    return { name, shape, read: () => this.#checkpoint.read(name) };
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
