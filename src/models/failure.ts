import { Failure, messageOf } from "../base/error.ts";

export type ModelCode =
  | "model.missing"
  | "model.corrupt"
  /** The hub says no, or something that cannot be used. */
  | "model.refused"
  /** The hub cannot be reached, or not to the end; a later pull goes on. */
  | "model.unreachable"
  | "model.no-space"
  /** Another process changes the same model. */
  | "model.busy"
  /** The model cannot do what is asked of it. */
  | "model.unsupported"
  /** An optional model that was given up when memory was short. */
  | "model.shed";

/** A file can have the locked hash and still be no model, when it was already none where it was locked. */
export function unusableFile(path: string, id: string, cause: unknown): Failure<ModelCode> {
  return new Failure<ModelCode>("model.corrupt", {
    message: `the file ${path} of model ${id} cannot be used: ${messageOf(cause)}`,
    hint: "put the original file back",
    cause,
  });
}
