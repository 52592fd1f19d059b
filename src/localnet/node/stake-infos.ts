import type { DelegateInfoValue, StakeAvailability, StakeInfoValue } from "./api-types.ts";
import type { Value } from "./codec.ts";
import { uidOf } from "./neurons.ts";
import { type StakePlace, stakeAt } from "./stakes.ts";
import type { StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { READ_ONLY } from "./storage-clients.ts";
import { subnets } from "./subnet-infos.ts";
import type { AccountHex } from "./types.ts";

export function stakeInfo(state: StateView, place: StakePlace): StakeInfoValue {
  const uid = uidOf(state, place.netuid, place.hotkey);
  return {
    ...place,
    stake: stakeAt(state, place),
    locked: 0n,
    emission: uid === null ? 0n : state.read(SUBTENSOR.emission, place.netuid)[uid]!,
    taoEmission: 0n,
    drain: 0n,
    isRegistered: uid !== null,
  };
}

/** Every place where the coldkey has stake. */
export const stakesOf = (state: StateView, coldkey: AccountHex): StakeInfoValue[] =>
  state
    .read(SUBTENSOR.stakingHotkeys, coldkey)
    .flatMap((hotkey) => subnets(state).map((netuid) => ({ hotkey, coldkey, netuid })))
    .filter((place) => stakeAt(state, place) > 0n)
    .map((place) => stakeInfo(state, place));

/** A hotkey as those see it who look for somebody to stake with. Its nominators are what its own coldkey has on it. */
export function delegateInfo(state: StateView, hotkey: AccountHex): DelegateInfoValue {
  const coldkey = state.read(SUBTENSOR.owner, hotkey);
  const netuids = subnets(state);
  const registered = netuids.filter((netuid) => uidOf(state, netuid, hotkey) !== null);
  return {
    delegateSs58: hotkey,
    take: state.read(READ_ONLY.delegates, hotkey),
    nominators: [[coldkey, netuids.map((netuid) => [netuid, stakeAt(state, { hotkey, coldkey, netuid })])]],
    ownerSs58: coldkey,
    registrations: registered,
    validatorPermits: registered.filter(
      (netuid) => state.read(SUBTENSOR.validatorPermit, netuid)[uidOf(state, netuid, hotkey)!],
    ),
    returnPer_1000: 0n,
    totalDailyReturn: 0n,
  };
}

/** The hotkeys that hold a validator's permit in some subnet. */
export const delegates = (state: StateView): DelegateInfoValue[] => {
  const hotkeys = subnets(state).flatMap((netuid) =>
    state
      .read(SUBTENSOR.validatorPermit, netuid)
      .flatMap((permit, uid) => (permit ? [state.read(SUBTENSOR.keys, netuid, uid)] : [])),
  );
  return [...new Set(hotkeys)].map((hotkey) => delegateInfo(state, hotkey));
};

type Availability = Value<typeof StakeAvailability>;

/** What the account has in each subnet, where it has something or was asked for by number. */
export function availability(
  state: StateView,
  account: AccountHex,
  netuids: number[] | null,
): [netuid: number, Availability][] {
  const stakes = stakesOf(state, account);
  return (netuids ?? subnets(state)).flatMap((netuid): [number, Availability][] => {
    const here = stakes.filter((info) => info.netuid === netuid);
    if (netuids === null && here.length === 0) return [];
    const total = here.reduce((sum, { stake }) => sum + stake, 0n);
    return [[netuid, { total, locked: 0n, available: total }]];
  });
}
