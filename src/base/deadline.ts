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
