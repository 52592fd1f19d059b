import type { PalletError } from "./errors.ts";
import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR, SYSTEM } from "./storage.ts";
import { READ_ONLY } from "./storage-clients.ts";
import { type AccountHex, NOBODY } from "./types.ts";

export const ROOT_NETUID = 0;
/** Least amount of one staking call, in rao (DefaultMinStake of the runtime). */
const LEAST_STAKE_RAO = 2_000_000n;
const FIXED_POINT_BITS = 64n;

/** Where some stake lies: which coldkey's, on which hotkey, in which subnet. */
export interface StakePlace {
  hotkey: AccountHex;
  coldkey: AccountHex;
  netuid: number;
}

export const freeBalance = (state: StateView, account: AccountHex): bigint =>
  state.read(SYSTEM.account, account).data.free;

export function setFreeBalance(state: ChainState, account: AccountHex, rao: bigint): void {
  const info = state.read(SYSTEM.account, account);
  state.set(SYSTEM.account, [account], { ...info, providers: 1, data: { ...info.data, free: rao } });
}

/** One alpha is worth one TAO here: the mechanism of every subnet is 0, "stable". */
export const stakeAt = (state: StateView, { hotkey, coldkey, netuid }: StakePlace): bigint =>
  state.read(SUBTENSOR.alpha, hotkey, coldkey, netuid).bits >> FIXED_POINT_BITS;

/** Sets what one coldkey has on a hotkey, and with it the hotkey's and the subnet's sums. */
export function setStake(state: ChainState, place: StakePlace, rao: bigint): void {
  const { hotkey, coldkey, netuid } = place;
  const change = rao - stakeAt(state, place);
  const add = (item: typeof SUBTENSOR.subnetTao): void =>
    state.set(item, [netuid], state.read(item, netuid) + change);
  state.set(SUBTENSOR.alpha, [hotkey, coldkey, netuid], { bits: rao << FIXED_POINT_BITS });
  const sum = state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, netuid);
  state.set(SUBTENSOR.totalHotkeyAlpha, [hotkey, netuid], sum + change);
  state.set(SUBTENSOR.totalStake, [], state.read(SUBTENSOR.totalStake) + change);
  add(SUBTENSOR.subnetTao);
  add(SUBTENSOR.subnetAlphaOut);
  if (rao > 0n) remember(state, SUBTENSOR.stakingHotkeys, coldkey, hotkey);
}

/** Makes the coldkey the owner of a hotkey that has none. */
export function own(state: ChainState, hotkey: AccountHex, coldkey: AccountHex): void {
  state.set(SUBTENSOR.owner, [hotkey], coldkey);
  remember(state, SUBTENSOR.ownedHotkeys, coldkey, hotkey);
}

/** Stake on the subnet, and its part of what lies on the root network: what permits and thresholds are judged by. */
export const stakeWeight = (state: StateView, netuid: number, hotkey: AccountHex): bigint =>
  state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, netuid) + rootStake(state, hotkey);

export const rootStake = (state: StateView, hotkey: AccountHex): bigint =>
  (state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, ROOT_NETUID) * state.read(READ_ONLY.taoWeight)) >>
  FIXED_POINT_BITS;

export const isOwned = (state: StateView, hotkey: AccountHex): boolean =>
  state.read(SUBTENSOR.owner, hotkey) !== NOBODY;

/** Moves free TAO of the coldkey to stake. */
export function addStake(state: ChainState, place: StakePlace, rao: bigint): PalletError | null {
  if (!state.read(SUBTENSOR.networksAdded, place.netuid)) return "SubnetNotExists";
  if (rao < LEAST_STAKE_RAO) return "AmountTooLow";
  const free = freeBalance(state, place.coldkey);
  if (free < rao) return "NotEnoughBalanceToStake";
  if (!isOwned(state, place.hotkey)) return "HotKeyAccountNotExists";
  setFreeBalance(state, place.coldkey, free - rao);
  setStake(state, place, stakeAt(state, place) + rao);
  return null;
}

/** Moves stake back to the coldkey's free TAO. */
export function removeStake(state: ChainState, place: StakePlace, rao: bigint): PalletError | null {
  if (!state.read(SUBTENSOR.networksAdded, place.netuid)) return "SubnetNotExists";
  if (!isOwned(state, place.hotkey)) return "HotKeyAccountNotExists";
  const staked = stakeAt(state, place);
  if (staked < rao) return "NotEnoughStakeToWithdraw";
  if (rao < LEAST_STAKE_RAO) return "AmountTooLow";
  setStake(state, place, staked - rao);
  setFreeBalance(state, place.coldkey, freeBalance(state, place.coldkey) + rao);
  return null;
}

function remember(
  state: ChainState,
  item: typeof SUBTENSOR.ownedHotkeys,
  coldkey: AccountHex,
  hotkey: AccountHex,
): void {
  const known = state.read(item, coldkey);
  if (!known.includes(hotkey)) state.set(item, [coldkey], [...known, hotkey]);
}
