import { U16_MAX } from "../../base/units.ts";
import { storageIndex } from "./neurons.ts";
import { refusedRequest } from "./request.ts";
import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";

/** Indexes of storage have 16 bits, of which the subnet takes twelve. */
export const MOST_MECHANISMS = 16;

/** Share of the subnet's emission by mechanism; in equal parts where its owner said nothing. */
export function mechanismShares(state: StateView, netuid: number): number[] {
  const count = state.read(SUBTENSOR.mechanismCountCurrent, netuid);
  const split = state.get(SUBTENSOR.mechanismEmissionSplit, netuid);
  return Array.from({ length: count }, (_, mecid) =>
    split?.length === count ? split[mecid]! / U16_MAX : 1 / count,
  );
}

/**
 * Gives the subnet so many mechanisms, as its owner can: what a dropped one held is gone, and so is the split of emission.
 * @param percents of emission by mechanism, sum 100; equal parts when empty
 * @throws Failure `localnet.bad-request`
 */
export function setMechanisms(
  state: ChainState,
  netuid: number,
  count: number,
  percents: readonly number[] = [],
): void {
  const before = state.read(SUBTENSOR.mechanismCountCurrent, netuid);
  const sum = percents.reduce((total, percent) => total + percent, 0);
  const isSplit = percents.length === count && Math.abs(sum - 100) < 1e-9;
  if (percents.length > 0 && !isSplit)
    throw refusedRequest(`${count} mechanisms need ${count} percentages with the sum 100`);
  for (let mecid = count; mecid < before; mecid++) {
    const index = storageIndex(netuid, mecid);
    for (const item of [SUBTENSOR.lastUpdate, SUBTENSOR.incentive]) state.remove(item, index);
    for (const item of [SUBTENSOR.weights, SUBTENSOR.weightCommits, SUBTENSOR.timelockedWeightCommits])
      state.removeUnder(item, index);
  }
  state.set(SUBTENSOR.mechanismCountCurrent, [netuid], count);
  if (percents.length === 0) {
    state.remove(SUBTENSOR.mechanismEmissionSplit, netuid);
    return;
  }
  const parts = percents.map((percent) => Math.floor((percent / 100) * U16_MAX));
  parts[0]! += U16_MAX - parts.reduce((total, part) => total + part, 0);
  state.set(SUBTENSOR.mechanismEmissionSplit, [netuid], parts);
}
