import type { PalletError } from "./errors.ts";
import { own, setStake, stakeWeight } from "./stakes.ts";
import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { AccountHex, AxonRecord } from "./types.ts";

export const MECHANISM_STRIDE = 4096;
/** Index under which weights and LastUpdate of one mechanism of a subnet are stored. */
export const storageIndex = (netuid: number, mecid: number): number => netuid + MECHANISM_STRIDE * mecid;

export const uidOf = (state: StateView, netuid: number, hotkey: AccountHex): number | null =>
  state.get(SUBTENSOR.uids, netuid, hotkey);

/** Stake counts whether or not the hotkey is registered; the threshold of a fresh localnet is 0. */
export const hasStakeForWeights = (state: StateView, netuid: number, hotkey: AccountHex): boolean =>
  stakeWeight(state, netuid, hotkey) >= state.read(SUBTENSOR.stakeThreshold);

/** Storage indexes of all mechanisms of a subnet. */
export const storageIndexes = (state: StateView, netuid: number): number[] =>
  Array.from({ length: state.read(SUBTENSOR.mechanismCountCurrent, netuid) }, (_, mecid) =>
    storageIndex(netuid, mecid),
  );

export const hasMechanism = (state: StateView, netuid: number, mecid: number): boolean =>
  state.read(SUBTENSOR.networksAdded, netuid) && mecid < state.read(SUBTENSOR.mechanismCountCurrent, netuid);

export interface Registration {
  hotkey: AccountHex;
  coldkey: AccountHex;
  /** Absent: what the hotkey has already. */
  stakeRao?: bigint;
  validatorPermit: boolean;
  axon?: AxonRecord;
}

/** Per-uid vectors that grow with the subnet, with the value of a newcomer. */
const ZERO_U16 = ["consensus", "dividends", "validatorTrust"] as const;

/**
 * Puts a neuron on `uid`, a new one or in place of another: the old one loses its entry, its axon and its weights, as
 * replace_neuron of the runtime does. Registration counts as an update, so the newcomer waits before it sets weights.
 */
export function placeNeuron(
  state: ChainState,
  netuid: number,
  uid: number,
  neuron: Registration,
  height: number,
): void {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  if (uid < count) {
    const previous = state.read(SUBTENSOR.keys, netuid, uid);
    state.remove(SUBTENSOR.uids, netuid, previous);
    state.remove(SUBTENSOR.isNetworkMember, previous, netuid);
    state.remove(SUBTENSOR.axons, netuid, previous);
    for (const index of storageIndexes(state, netuid)) state.remove(SUBTENSOR.weights, index, uid);
  } else {
    state.set(SUBTENSOR.subnetworkN, [netuid], uid + 1);
  }
  state.set(SUBTENSOR.keys, [netuid, uid], neuron.hotkey);
  state.set(SUBTENSOR.uids, [netuid, neuron.hotkey], uid);
  state.set(SUBTENSOR.isNetworkMember, [neuron.hotkey, netuid], true);
  own(state, neuron.hotkey, neuron.coldkey);
  if (neuron.stakeRao !== undefined)
    setStake(state, { hotkey: neuron.hotkey, coldkey: neuron.coldkey, netuid }, neuron.stakeRao);
  state.set(SUBTENSOR.blockAtRegistration, [netuid, uid], height);
  if (neuron.axon) state.set(SUBTENSOR.axons, [netuid, neuron.hotkey], neuron.axon);
  for (const name of ZERO_U16) {
    const values = state.read(SUBTENSOR[name], netuid);
    values[uid] = 0;
    state.set(SUBTENSOR[name], [netuid], values);
  }
  const emission = state.read(SUBTENSOR.emission, netuid);
  emission[uid] = 0n;
  state.set(SUBTENSOR.emission, [netuid], emission);
  const active = state.read(SUBTENSOR.active, netuid);
  active[uid] = true;
  state.set(SUBTENSOR.active, [netuid], active);
  const permits = state.read(SUBTENSOR.validatorPermit, netuid);
  permits[uid] = neuron.validatorPermit;
  state.set(SUBTENSOR.validatorPermit, [netuid], permits);
  for (const index of storageIndexes(state, netuid)) {
    state.set(SUBTENSOR.incentive, [index], withValue(state.read(SUBTENSOR.incentive, index), uid, 0));
    setLastUpdate(state, index, uid, height);
  }
}

export function setLastUpdate(state: ChainState, index: number, uid: number, height: number): void {
  state.set(SUBTENSOR.lastUpdate, [index], withValue(state.read(SUBTENSOR.lastUpdate, index), uid, height));
}

/** Lists of a mechanism that came later begin empty: uids before this one read as 0. */
const withValue = (values: readonly number[], uid: number, value: number): number[] =>
  Array.from({ length: Math.max(values.length, uid + 1) }, (_, other) =>
    other === uid ? value : (values[other] ?? 0),
  );

/** Where a new hotkey goes: the next free uid, or the uid of the weakest neuron when the subnet is full. */
export function chooseUid(
  state: StateView,
  netuid: number,
  hotkey: AccountHex,
  height: number,
): { uid: number } | { error: PalletError } {
  if (!state.read(SUBTENSOR.networksAdded, netuid)) return { error: "SubnetNotExists" };
  if (uidOf(state, netuid, hotkey) !== null) return { error: "HotKeyAlreadyRegisteredInSubNet" };
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  if (count < state.read(SUBTENSOR.maxAllowedUids, netuid)) return { uid: count };
  const [weakest] = byWeakness(state, netuid, count, height);
  return weakest === undefined ? { error: "NoNeuronIdAvailable" } : { uid: weakest };
}

/**
 * Uids in the order in which they make room: lowest emission first, then the oldest; neurons in their immunity period only
 * when there is no other.
 */
export function byWeakness(state: StateView, netuid: number, count: number, height: number): number[] {
  const emission = state.read(SUBTENSOR.emission, netuid);
  const immunity = state.read(SUBTENSOR.immunityPeriod, netuid);
  const candidates = Array.from({ length: count }, (_, uid) => {
    const registered = state.read(SUBTENSOR.blockAtRegistration, netuid, uid);
    return { uid, registered, emission: emission[uid] ?? 0n, isImmune: height - registered < immunity };
  });
  candidates.sort(
    (a, b) =>
      Number(a.isImmune) - Number(b.isImmune) ||
      Number(a.emission - b.emission) ||
      a.registered - b.registered ||
      a.uid - b.uid,
  );
  return candidates.map(({ uid }) => uid);
}
