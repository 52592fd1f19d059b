import type { PalletError } from "./errors.ts";
import { storageIndexes, uidOf } from "./neurons.ts";
import type { Outcome } from "./outcome.ts";
import { isOwned, own, setStake, stakeAt } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { subnets } from "./subnet-infos.ts";
import type { AccountHex } from "./types.ts";

/** What a coldkey asks for with swap_hotkey. */
export interface Swap {
  coldkey: AccountHex;
  oldHotkey: AccountHex;
  newHotkey: AccountHex;
}

/**
 * Puts a new hotkey in the place of one that the coldkey owns: registration, permit, stake, axon and weights stay where they are; the
 * old one is nobody's neuron any more. It costs nothing here, and may be done again at once.
 */
export function swapHotkey(state: ChainState, netuid: number, swap: Swap): Outcome {
  const error = swapError(state, netuid, swap);
  if (error) return { error };
  const { coldkey, oldHotkey: old, newHotkey: hotkey } = swap;
  const uid = uidOf(state, netuid, old)!;
  const before = { hotkey: old, coldkey, netuid };
  const after = { ...before, hotkey };
  const stake = stakeAt(state, before);
  setStake(state, before, 0n);
  own(state, hotkey, coldkey);
  setStake(state, after, stakeAt(state, after) + stake);
  // What is under a timelock stays the old one's, and opens to nothing: the hotkey is in it.
  for (const index of storageIndexes(state, netuid)) {
    const commits = state.get(SUBTENSOR.weightCommits, index, old);
    if (commits === null) continue;
    state.remove(SUBTENSOR.weightCommits, index, old);
    state.set(SUBTENSOR.weightCommits, [index, hotkey], commits);
  }
  const axon = state.get(SUBTENSOR.axons, netuid, old);
  state.remove(SUBTENSOR.axons, netuid, old);
  if (axon !== null) state.set(SUBTENSOR.axons, [netuid, hotkey], axon);
  state.remove(SUBTENSOR.uids, netuid, old);
  state.remove(SUBTENSOR.isNetworkMember, old, netuid);
  state.set(SUBTENSOR.keys, [netuid, uid], hotkey);
  state.set(SUBTENSOR.uids, [netuid, hotkey], uid);
  state.set(SUBTENSOR.isNetworkMember, [hotkey, netuid], true);
  return { events: [{ kind: "HotkeySwappedOnSubnet", fields: { ...swap, netuid } }] };
}

/** The call: in one subnet, or, without a number, in each where the hotkey has a neuron. All of it happens or nothing does. */
export function swapHotkeys(state: ChainState, netuid: number | null, swap: Swap): Outcome {
  if (netuid !== null) return swapHotkey(state, netuid, swap);
  const netuids = subnets(state).filter((one) => uidOf(state, one, swap.oldHotkey) !== null);
  if (netuids.length === 0) return { error: "HotKeyNotRegisteredInSubNet" };
  return state.allOrNothing(() => {
    const outcomes = netuids.map((one) => swapHotkey(state, one, swap));
    const refused = outcomes.find((outcome) => "error" in outcome);
    return refused ?? { events: [{ kind: "HotkeySwapped", fields: swap }] };
  });
}

/** The order is the runtime's: do_swap_hotkey; but that a hotkey without a neuron is not swapped. */
function swapError(
  state: ChainState,
  netuid: number,
  { coldkey, oldHotkey, newHotkey }: Swap,
): PalletError | null {
  const isAnothers = (hotkey: AccountHex): boolean => state.read(SUBTENSOR.owner, hotkey) !== coldkey;
  if (!state.read(SUBTENSOR.networksAdded, netuid)) return "SubnetNotExists";
  if (isAnothers(oldHotkey)) return "NonAssociatedColdKey";
  if (isOwned(state, newHotkey) && isAnothers(newHotkey)) return "NonAssociatedColdKey";
  if (oldHotkey === newHotkey) return "NewHotKeyIsSameWithOld";
  if (uidOf(state, netuid, newHotkey) !== null) return "HotKeyAlreadyRegisteredInSubNet";
  return uidOf(state, netuid, oldHotkey) === null ? "HotKeyNotRegisteredInSubNet" : null;
}
