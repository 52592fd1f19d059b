import type { StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";

/** MAX_TEMPO of the runtime: a subnet that waited longer runs whatever the schedule says. */
const LONGEST_WAIT_BLOCKS = 50_400;

/** Whether an epoch of the subnet is due in the block of `height` (stateful schedule of spec 420 and later). */
export function isEpochDue(state: StateView, netuid: number, height: number): boolean {
  const tempo = state.read(SUBTENSOR.tempo, netuid);
  if (tempo === 0) return false;
  const pending = state.read(SUBTENSOR.pendingEpochAt, netuid);
  return (
    (pending > 0 && height >= pending) ||
    state.read(SUBTENSOR.blocksSinceLastStep, netuid) > LONGEST_WAIT_BLOCKS ||
    height - state.read(SUBTENSOR.lastEpochBlock, netuid) >= tempo
  );
}

/** Epoch to which a commit or a reveal in this block belongs: one more when an epoch is about to fire in it. */
export const epochOf = (state: StateView, netuid: number, height: number): number =>
  state.read(SUBTENSOR.subnetEpochIndex, netuid) + (isEpochDue(state, netuid, height) ? 1 : 0);

/** First block after `height` in which the next epoch fires; null for a subnet that runs none. */
export function nextEpochBlock(state: StateView, netuid: number, height: number): number | null {
  const tempo = state.read(SUBTENSOR.tempo, netuid);
  if (tempo === 0) return null;
  const scheduled = state.read(SUBTENSOR.lastEpochBlock, netuid) + tempo;
  const pending = state.read(SUBTENSOR.pendingEpochAt, netuid);
  return Math.max(height + 1, pending > 0 ? Math.min(pending, scheduled) : scheduled);
}
