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
