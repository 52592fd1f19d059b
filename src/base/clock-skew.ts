/** Differences that block times explain: a block is made seconds before it is read, and its author's clock is not perfect. */
const MAX_AHEAD_MS = 30_000;
const MAX_BEHIND_MS = 5_000;

/**
 * Whether two clocks differ by more than block times and a good author's clock explain.
 * @param skewMs this machine's time less the chain's
 * @param tookMs of it, how long the reading of the chain's time took
 */
export function isClockWrong(skewMs: number, tookMs = 0): boolean {
  return skewMs - tookMs > MAX_AHEAD_MS || skewMs < -MAX_BEHIND_MS;
}
