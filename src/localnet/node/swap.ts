import type { PalletError } from "./errors.ts";
import { storageIndexes, uidOf } from "./neurons.ts";
import type { SubtensorEventValue } from "./outcome.ts";
import { refusedRequest } from "./request.ts";
import { isOwned, own, setStake, stakeAt } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { AccountHex } from "./types.ts";

/**
 * Puts a new hotkey in the place of the one on a uid, as its owner can (swap_hotkey): registration, permit, stake, axon and weights
 * stay where they are; the old one is nobody's neuron any more.
 * @returns what the chain tells of it
 * @throws Failure `localnet.bad-request` with the pallet's error for a hotkey that is another's or has a neuron already
 */
export function swapHotkey(
  state: ChainState,
  netuid: number,
  uid: number,
  hotkey: AccountHex,
): SubtensorEventValue {
  const old = state.read(SUBTENSOR.keys, netuid, uid);
  const coldkey = state.read(SUBTENSOR.owner, old);
  const refused = swapError(state, netuid, { old, hotkey, coldkey });
  if (refused) throw refusedRequest(refused);
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
  return { kind: "HotkeySwappedOnSubnet", fields: { coldkey, oldHotkey: old, newHotkey: hotkey, netuid } };
}

/** Why the chain refuses it, with its error. The order is the runtime's: do_swap_hotkey. */
function swapError(
  state: ChainState,
  netuid: number,
  { old, hotkey, coldkey }: { old: AccountHex; hotkey: AccountHex; coldkey: AccountHex },
): string | null {
  const because = (reason: string, error: PalletError): string => `${reason} (${error})`;
  if (isOwned(state, hotkey) && state.read(SUBTENSOR.owner, hotkey) !== coldkey)
    return because("that hotkey is another coldkey's", "NonAssociatedColdKey");
  if (hotkey === old) return because("that is the hotkey that it has", "NewHotKeyIsSameWithOld");
  const uid = uidOf(state, netuid, hotkey);
  return uid === null
    ? null
    : because(`that hotkey is uid ${uid} already`, "HotKeyAlreadyRegisteredInSubNet");
}
