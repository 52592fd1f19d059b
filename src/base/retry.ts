import { sleep } from "./deadline.ts";

export interface BackOff {
  firstMs: number;
  maxMs: number;
  /** Attempts in all, the first included. */
  attempts: number;
}

/** Delay before attempt `index` (0 = the first retry): doubling, capped, with ±25 % jitter so that peers spread. */
export function backOffMs(
  policy: Pick<BackOff, "firstMs" | "maxMs">,
  index: number,
  random = Math.random,
): number {
  const base = Math.min(policy.maxMs, policy.firstMs * 2 ** index);
  return base * (0.75 + 0.5 * random());
}

/** Runs `work` until it succeeds, `shouldRetry` says no, the attempts are used up, or the signal is aborted. */
export async function retry<T>(
  policy: BackOff,
  work: (attempt: number) => Promise<T>,
  shouldRetry: (error: unknown) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt + 1 >= policy.attempts || signal?.aborted || !shouldRetry(error)) throw error;
      await sleep(backOffMs(policy, attempt), signal);
    }
  }
}
