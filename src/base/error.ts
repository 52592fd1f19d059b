import { hideUrls } from "./url.ts";

/**
 * When the same attempt may succeed. THE meaning, everywhere:
 * - `no`: never. What failed needs a person, or another program; trying again changes nothing.
 * - `soon`: after a pause, as after an outage. Where it is known how many blocks the pause has, `retryInBlocks` says so.
 * - `next-window`: not before the chain's own clock has moved on, by an epoch or a rate limit.
 */
export type RetryPolicy = "no" | "soon" | "next-window";

export interface FailureOptions<Data> {
  /** One sentence: what failed and why. */
  message: string;
  /** One sentence: what the operator can do next. */
  hint?: string;
  /** Facts for the log, never secrets. */
  data?: Data;
  cause?: unknown;
  /** `no` when left out. */
  retry?: RetryPolicy;
  /** Blocks after which the chain takes the same attempt, where that is known; at least 1. */
  retryInBlocks?: number | undefined;
}

/**
 * An expected error. Each room declares the closed union of its codes (`<room>.<kebab-case>`); only `cli/error-text.ts`
 * and `cli/exit-codes.ts` turn a Failure into text and an exit code.
 */
export class Failure<Code extends string = string, Data = unknown> extends Error {
  override readonly name = "Failure";
  readonly code: Code;
  readonly hint: string | undefined;
  readonly data: Data | undefined;
  readonly retry: RetryPolicy;
  readonly retryInBlocks: number | undefined;

  constructor(code: Code, options: FailureOptions<Data>) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.data = options.data;
    this.retry = options.retry ?? "no";
    this.retryInBlocks = options.retryInBlocks;
  }
}

export function isFailure<Code extends string>(error: unknown, code?: Code): error is Failure<Code> {
  return error instanceof Failure && (code === undefined || error.code === code);
}

/** What the usual refusals of a file system mean, of a path. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a file is in the place of a folder",
  EISDIR: "a folder is in the place of a file",
  EEXIST: "it is there already",
  EACCES: "this user has no right to it",
  EPERM: "the system does not allow it",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "this user's share of the disk is full",
};

/** What a file system refuses, as a sentence in place of the C library's words; undefined for any other error. */
function refusalOf(error: Error): string | undefined {
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  // A folder is made with those above it, and one that is there is no error: what is in its place is none.
  const known = code === "EEXIST" && syscall === "mkdir" ? "ENOTDIR" : code;
  return Object.hasOwn(REFUSALS, known) ? `${REFUSALS[known]} (${code})` : undefined;
}

/**
 * The message of anything that was thrown, without a stack. Others put the address that they were given into theirs, so
 * every URL in it is made fit to be shown.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return hideUrls(String(error));
  const { code, path, dest, message } = error as NodeJS.ErrnoException & { dest?: string };
  const refusal = refusalOf(error);
  // The runtime asks the reader.
  const [, port] = (code === "EADDRINUSE" && /\bport (\d+)/.exec(message)) || [];
  if (port !== undefined) return `port ${port} is in use already (${code})`;
  if (refusal === undefined) return hideUrls(message);
  if (typeof path === "string") return `${dest === undefined ? path : `${path} to ${dest}`}: ${refusal}`;
  return message.startsWith(`${code}: `) ? refusal : hideUrls(message);
}

/** The same where the sentence around it has named the path already. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? refusalOf(error) : undefined) ?? messageOf(error);
}

/** The first line of its message: libraries append the request that they sent, or a query, to theirs. */
export function firstLineOf(error: unknown): string {
  return messageOf(error).split("\n", 1)[0]!;
}
