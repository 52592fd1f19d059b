import type { DeadlineCode } from "../base/deadline.ts";
import { Failure, type FailureOptions } from "../base/error.ts";

export type UpdateCode =
  /** Not signed by our keys, or not what was signed. */
  | "update.untrusted"
  /** Signed once and not renewed, or this machine's clock is wrong. */
  | "update.stale"
  /** Older than what was seen before. */
  | "update.older"
  /** No answer, or one that is no update server's. */
  | "update.unreachable"
  /** This machine: disk, rights, a file in the way. */
  | "update.local"
  /** Built without the keys that releases are signed with. */
  | "update.no-keys"
  /** Installed by somebody else: a package manager, a container. */
  | "update.not-ours"
  /** The user may not write where the program lies. */
  | "update.no-permission"
  /** Another process updates this installation. */
  | "update.busy"
  /** There is no such release, or none that this version may go to. */
  | "update.no-release"
  /** The new program does not run here, so nothing was changed. */
  | "update.unfit"
  /** The new program was put in place, was not well, and the previous one is back. */
  | "update.rolled-back"
  /** The new program was not well, and the previous one did not come back. */
  | "update.rollback-failed";

/** What is wrong with a program that cannot tell a release from anything else. */
export const NO_KEYS = "this program was built without the keys that releases are signed with";

export function updateFailure(code: UpdateCode, options: FailureOptions<unknown>): Failure<UpdateCode> {
  return new Failure<UpdateCode>(code, options);
}

export function stopped(): Failure<DeadlineCode> {
  return new Failure("deadline.aborted", {
    message: "the update was stopped; the next one goes on where it was",
  });
}
