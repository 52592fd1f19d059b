import { Failure } from "./error.ts";

export type DeadlineCode = "deadline.passed" | "deadline.aborted";

/**
 * Waits for `work` at most `timeoutMs` milliseconds. The name appears in the error, so that every wait that ends too
 * late says which one it was.
 * @throws Failure `deadline.passed` when the time is up; whatever `work` throws otherwise.
 */
export async function withDeadline<T>(name: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new Failure<DeadlineCode>("deadline.passed", {
            message: `${name} took longer than ${timeoutMs / 1000} s`,
            data: { name, timeoutMs },
            retry: "soon",
          }),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for `work` until the signal is aborted; the work itself goes on, and what it comes to is left to whoever owns it.
 * @throws Failure `deadline.aborted` when the signal is aborted; whatever `work` throws otherwise.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () =>
      reject(new Failure<DeadlineCode>("deadline.aborted", { message: "stopped while waiting" }));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}

/** Sleeps `ms` milliseconds; returns early, without an error, when the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
