import type { SubtensorEventValue } from "./outcome.ts";
import { own, setStake, stakeAt } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { AccountHex } from "./types.ts";

/**
 * Puts a new hotkey in the place of the one on a uid, as its owner can (swap_hotkey): registration, permit, stake, axon and weights
 * stay where they are; the old one is nobody's neuron any more.
 * @returns what the chain tells of it
 */
export function swapHotkey(
  state: ChainState,
  netuid: number,
  uid: number,
  hotkey: AccountHex,
): SubtensorEventValue {
  const old = state.read(SUBTENSOR.keys, netuid, uid);
  const coldkey = state.read(SUBTENSOR.owner, old);
  const before = { hotkey: old, coldkey, netuid };
  const stake = stakeAt(state, before);
  setStake(state, before, 0n);
  own(state, hotkey, coldkey);
  setStake(state, { ...before, hotkey }, stake);
  const axon = state.get(SUBTENSOR.axons, netuid, old);
  state.remove(SUBTENSOR.axons, netuid, old);
  if (axon !== null) state.set(SUBTENSOR.axons, [netuid, hotkey], axon);
  state.remove(SUBTENSOR.uids, netuid, old);
  state.remove(SUBTENSOR.isNetworkMember, old, netuid);
  state.set(SUBTENSOR.keys, [netuid, uid], hotkey);
  state.set(SUBTENSOR.uids, [netuid, hotkey], uid);
  state.set(SUBTENSOR.isNetworkMember, [hotkey, netuid], true);
  return { kind: "HotkeySwappedOnSubnet", fields: { coldkey, oldHotkey: old, newHotkey: hotkey, netuid } };
}
