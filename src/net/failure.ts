import { Failure } from "../base/error.ts";

export type NetCode =
  /** No answer, a broken one, or a server that asks for patience: the same request may succeed soon. */
  | "net.unreachable"
  /** An answer that will stay the same, or a request that must not be sent. */
  | "net.refused";

/** Rooms turn these into failures of their own, whose hints name their own settings. */
export class NetFailure extends Failure<NetCode> {
  /** HTTP status of the answer, where that is what failed. */
  readonly status: number | undefined;
  /** The pause that the server asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: NetCode,
    message: string,
    { status, retryAfterMs, hint, cause }: NetFacts & { hint?: string; cause?: unknown } = {},
  ) {
    super(code, { message, hint, cause, retry: code === "net.unreachable" ? "soon" : "no" });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

interface NetFacts {
  status?: number;
  retryAfterMs?: number | undefined;
}

export function refused(message: string, hint?: string): NetFailure {
  return new NetFailure("net.refused", message, hint === undefined ? {} : { hint });
}

export function unreachable(message: string, cause?: unknown): NetFailure {
  return new NetFailure("net.unreachable", message, { cause });
}

/** A server may ask to wait longer; then the attempt after the wait is the last word for this time. */
const MAX_RETRY_AFTER_MS = 60_000;

/** What an answer with another status than the wanted one means. */
export function statusFailure(
  { status, headers }: { status: number; headers: Headers },
  shown: string,
): NetFailure {
  if (status !== 408 && status !== 429 && status < 500)
    return new NetFailure("net.refused", `${shown} was answered with HTTP status ${status}`, { status });
  // Seconds; the other form that RFC 9110 allows, a date, counts as none.
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return new NetFailure("net.unreachable", `${shown} was answered with HTTP status ${status}`, {
    status,
    retryAfterMs: seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined,
  });
}
