import { U16_MAX } from "../../base/units.ts";
import type { PalletError } from "./errors.ts";
import { hasMechanism, hasStakeForWeights, setLastUpdate, storageIndex, uidOf } from "./neurons.ts";
import type { Outcome } from "./outcome.ts";
import { ROOT_NETUID } from "./stakes.ts";
import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { NEWER } from "./storage-clients.ts";
import type { AccountHex } from "./types.ts";

export interface WeightsCall {
  netuid: number;
  mecid: number;
  uids: number[];
  /** u16 each. */
  values: number[];
  versionKey: bigint;
}

const FRACTION_BITS = 32n;
const ONE_HALF = 1n << 31n;
const DIVIDE_FIRST_ABOVE = 32_768n;

/** Why the chain refuses these weights, or null. The order is the runtime's: internal_set_weights. */
export function checkWeights(
  state: StateView,
  hotkey: AccountHex,
  call: WeightsCall,
  height: number,
): PalletError | null {
  const { netuid, mecid, uids, values } = call;
  if (netuid === ROOT_NETUID) return "CanNotSetRootNetworkWeights";
  if (uids.length !== values.length) return "WeightVecNotEqualSize";
  if (!hasMechanism(state, netuid, mecid)) return "MechanismDoesNotExist";
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  if (uids.length > count) return "UidsLengthExceedUidsInSubNet";
  const uid = uidOf(state, netuid, hotkey);
  if (uid === null) return "HotKeyNotRegisteredInSubNet";
  if (!hasStakeForWeights(state, netuid, hotkey)) return "NotEnoughStakeToSetWeights";
  const chainKey = state.read(SUBTENSOR.weightsVersionKey, netuid);
  if (chainKey !== 0n && call.versionKey < chainKey) return "IncorrectWeightVersionKey";
  // Under commit-reveal the commit was what counted for the rate limit.
  const isCommitReveal = state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid);
  if (!isCommitReveal && !isWithinRateLimit(state, netuid, mecid, uid, height))
    return "SettingWeightsTooFast";
  const isSelfWeight = values.length === 1 && uids[0] === uid;
  const isNull = state.read(NEWER.subnetEpochConsensus, netuid).kind === "Null";
  const isExempt = !isNull && (isSelfWeight || state.read(SUBTENSOR.subnetOwnerHotkey, netuid) === hotkey);
  if (!isExempt && state.read(SUBTENSOR.validatorPermit, netuid)[uid] !== true)
    return "NeuronNoValidatorPermit";
  if (new Set(uids).size !== uids.length) return "DuplicateUids";
  if (uids.some((other) => other >= count)) return "UidVecContainInvalidOne";
  const shortest = Math.min(count, state.read(SUBTENSOR.minAllowedWeights, netuid));
  if (!isSelfWeight && values.length < shortest) return "WeightVecLengthIsLow";
  // The limit on a single weight is the constant 65535 in this runtime: MaxWeightExceeded cannot happen.
  return null;
}

/** Checks and stores weights: the same path for a call and for a commit that the epoch revealed. */
export function applyWeights(
  state: ChainState,
  signer: AccountHex,
  call: WeightsCall,
  height: number,
): Outcome {
  const error = checkWeights(state, signer, call, height);
  if (error) return { error };
  const uid = storeWeights(state, signer, call, height);
  return { events: [{ kind: "WeightsSet", fields: { 0: storageIndex(call.netuid, call.mecid), 1: uid } }] };
}

/** Stores checked weights, stretched so that the largest is 65535. Returns the signer's uid. */
function storeWeights(state: ChainState, hotkey: AccountHex, call: WeightsCall, height: number): number {
  const { netuid, mecid, uids, values } = call;
  const uid = uidOf(state, netuid, hotkey)!;
  const stretched = stretch(values);
  state.set(
    SUBTENSOR.weights,
    [storageIndex(netuid, mecid), uid],
    uids.map((other, index) => [other, stretched[index]!]),
  );
  // A reveal leaves LastUpdate at the block of its commit.
  if (!state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid))
    setLastUpdate(state, storageIndex(netuid, mecid), uid, height);
  return uid;
}

/**
 * vec_u16_max_upscale_to_u16 of the runtime, in its I32F32 arithmetic: above the threshold it divides first, and the
 * quotient loses what lies below 2^-32. All zero stays all zero.
 */
export function stretch(values: number[]): number[] {
  const largest = BigInt(values.reduce((most, value) => Math.max(most, value), 0));
  if (largest === 0n) return values;
  const top = BigInt(U16_MAX) << FRACTION_BITS;
  const ratio = top / largest;
  return values.map((value) => {
    const scaled = largest > DIVIDE_FIRST_ABOVE ? BigInt(value) * ratio : (BigInt(value) * top) / largest;
    return Number((scaled + ONE_HALF) >> FRACTION_BITS);
  });
}

/** At least WeightsSetRateLimit blocks since the last update, or none yet. */
export function isWithinRateLimit(
  state: StateView,
  netuid: number,
  mecid: number,
  uid: number,
  height: number,
): boolean {
  const lastUpdate = state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, mecid))[uid] ?? 0;
  return lastUpdate === 0 || height - lastUpdate >= state.read(SUBTENSOR.weightsSetRateLimit, netuid);
}
