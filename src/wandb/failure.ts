import { Failure, type FailureOptions } from "../base/error.ts";
import { WandbRefusal } from "./api.ts";

export type WandbCode =
  /** There is no key, or the server does not know it. */
  | "wandb.no-key"
  /** The server did not take everything; the rest waits. */
  | "wandb.unreachable"
  /** The server refuses for good. */
  | "wandb.refused"
  /** A running validator sends its rows by itself. */
  | "wandb.busy"
  /** A file that is no `.wandb` file, or none of a client's. */
  | "wandb.not-records"
  /** The filter for runs is none that the server can answer. */
  | "wandb.bad-filter"
  /** A project or run is not there, or not visible. */
  | "wandb.no-project"
  /** This user has no place for a netrc. */
  | "wandb.no-home";

export function wandbFailure(code: WandbCode, options: FailureOptions<unknown>): Failure<WandbCode> {
  return new Failure<WandbCode>(code, options);
}

/** What a refusal means to a person who waits for it. */
export function failureOf(error: unknown): Failure<WandbCode> {
  if (error instanceof WandbRefusal && error.status === 401)
    return wandbFailure("wandb.no-key", {
      message: "the W&B server does not know this key",
      hint: "https://wandb.ai/authorize shows yours",
    });
  if (error instanceof WandbRefusal && error.isFinal)
    return wandbFailure("wandb.refused", { message: `the W&B server refuses: ${error.message}` });
  return wandbFailure("wandb.unreachable", {
    message: `the W&B server cannot be reached: ${error instanceof Error ? error.message : "unknown"}`,
    hint: "try again later; nothing is lost",
    retry: "soon",
  });
}
