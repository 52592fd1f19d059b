/** Differences that block times explain: a block is made seconds before it is read, and its author's clock is not perfect. */
const MAX_AHEAD_MS = 30_000;
const MAX_BEHIND_MS = 5_000;

/** @param skewMs this machine's time less the chain's: more than block times and a good author's clock explain */
export function isClockWrong(skewMs: number): boolean {
  return skewMs > MAX_AHEAD_MS || skewMs < -MAX_BEHIND_MS;
}
