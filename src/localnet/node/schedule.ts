import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";

/** The runtime in which epochs became stateful; before it they fell on blocks that the tempo divides. */
export const STATEFUL_SPEC_VERSION = 420;
/** What clients tell the two by: storage and a runtime call that came with it. */
export const STATEFUL_ITEMS: ReadonlySet<string> = new Set(
  [SUBTENSOR.lastEpochBlock, SUBTENSOR.pendingEpochAt, SUBTENSOR.subnetEpochIndex].map(({ name }) => name),
);
export const STATEFUL_CALL = "get_next_epoch_start_block";
/** MAX_TEMPO of the runtime: a subnet that waited longer runs whatever the schedule says. */
export const LONGEST_TEMPO_BLOCKS = 50_400;

/** A subnet without a count of its epochs runs them as runtimes before spec 420 did. */
export const isModulo = (state: StateView, netuid: number): boolean =>
  state.raw(SUBTENSOR.subnetEpochIndex.key(netuid)) === undefined;

/** Whether an epoch of the subnet is due in the block of `height`. */
export function isEpochDue(state: StateView, netuid: number, height: number): boolean {
  const tempo = state.read(SUBTENSOR.tempo, netuid);
  if (tempo === 0) return false;
  if (isModulo(state, netuid)) return (height + netuid + 1) % (tempo + 1) === 0;
  const pending = state.read(SUBTENSOR.pendingEpochAt, netuid);
  return (
    (pending > 0 && height >= pending) ||
    state.read(SUBTENSOR.blocksSinceLastStep, netuid) > LONGEST_TEMPO_BLOCKS ||
    height - state.read(SUBTENSOR.lastEpochBlock, netuid) >= tempo
  );
}

/** Epoch to which a commit or a reveal in this block belongs: one more when an epoch is about to fire in it. */
export function epochOf(state: StateView, netuid: number, height: number): number {
  if (isModulo(state, netuid))
    return Math.floor((height + netuid + 1) / (state.read(SUBTENSOR.tempo, netuid) + 1));
  return state.read(SUBTENSOR.subnetEpochIndex, netuid) + (isEpochDue(state, netuid, height) ? 1 : 0);
}

/** First block after `height` in which the next epoch fires; null for a subnet that runs none. */
export function nextEpochBlock(state: StateView, netuid: number, height: number): number | null {
  const tempo = state.read(SUBTENSOR.tempo, netuid);
  if (tempo === 0) return null;
  if (isModulo(state, netuid)) {
    const past = (height + 1 + netuid + 1) % (tempo + 1);
    return height + 1 + (past === 0 ? 0 : tempo + 1 - past);
  }
  const scheduled = state.read(SUBTENSOR.lastEpochBlock, netuid) + tempo;
  const pending = state.read(SUBTENSOR.pendingEpochAt, netuid);
  return Math.max(height + 1, pending > 0 ? Math.min(pending, scheduled) : scheduled);
}

/** Another length of the epoch; the one that runs begins anew where epochs are counted. */
export function setTempo(state: ChainState, netuid: number, tempo: number, height: number): void {
  state.set(SUBTENSOR.tempo, [netuid], tempo);
  if (!isModulo(state, netuid)) state.set(SUBTENSOR.lastEpochBlock, [netuid], height);
}
