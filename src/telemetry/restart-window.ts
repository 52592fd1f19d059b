import type { Status } from "./status.ts";

/** Before weights are due: four minutes, in which a restart could make them late. */
const BUSY_BLOCKS = 20;

/** Whether a restart costs nothing: it takes minutes with large models, and a submission that is under way is not disturbed. */
export function restartOf(
  { state, isEnabled }: Pick<Status["weights"], "state" | "isEnabled">,
  { head, next }: { head: number | null; next: number | null },
): Status["restart"] {
  if (isEnabled && (state === "due" || state === "waiting" || state === "sent"))
    return { isSafe: false, why: `weights are ${state}` };
  if (next !== null && head !== null && next - head <= BUSY_BLOCKS)
    return { isSafe: false, why: `weights are due in ${Math.max(0, next - head)} blocks` };
  return { isSafe: true, why: null };
}

/**
 * Block from which on the next weights are due; null where nobody knows.
 * @param toldAt block at which the weights' state was told
 * @param scheduled where that is not an epoch after the last ones
 */
export function nextBlockOf(
  { lastBlock, epochBlocks, blocksLeft, isEnabled }: Omit<Status["weights"], "nextBlock">,
  toldAt: number,
  scheduled: number | null,
): number | null {
  if (!isEnabled) return null;
  if (blocksLeft !== null) return toldAt + blocksLeft;
  if (scheduled !== null) return scheduled;
  return lastBlock === null || epochBlocks === null ? null : lastBlock + epochBlocks;
}
