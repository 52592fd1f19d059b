import { Failure } from "../../../base/error.ts";
import { printable } from "../../../base/text.ts";
import type { ModelCode } from "../../failure.ts";

const GET_AGAIN =
  "get the file again from where it was published, and compare its sha256 with the one told there";

/** A stranger's name as it may stand in a sentence. */
export function quoted(name: string): string {
  return `"${printable(name, 120)}"`;
}

/** A file that contradicts itself, or another of its folder. @param what goes after the name of the file: "has …" */
export function damaged(
  file: string,
  what: string,
  { hint = GET_AGAIN, cause }: { hint?: string; cause?: unknown } = {},
): Failure<ModelCode> {
  return new Failure<ModelCode>("model.corrupt", { message: `${printable(file)} ${what}`, hint, cause });
}

/** A file that may be what its makers meant, and that is not read here all the same. */
export function refusedFile(file: string, what: string, hint: string): Failure<ModelCode> {
  return new Failure<ModelCode>("model.refused", { message: `${printable(file)} ${what}`, hint });
}
