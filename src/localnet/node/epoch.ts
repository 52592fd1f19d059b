import { RAO_PER_TAO, U16_MAX } from "../../base/units.ts";
import { mechanismShares } from "./mechanisms.ts";
import { storageIndex } from "./neurons.ts";
import { isEpochDue, isModulo } from "./schedule.ts";
import { stakeWeight } from "./stakes.ts";
import type { ChainState, StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";

const MILLI = 1000;
/** Miners and validators share an epoch's emission, 41 % each; the rest is the owner's. */
const SHARE = 0.41;
/** Alpha that one block emits. */
export const EMISSION_PER_BLOCK_RAO = RAO_PER_TAO;

/** The subnet's part of run_coinbase: counts the block and runs the epoch when it is due. */
export function stepSubnet(state: ChainState, netuid: number, height: number): void {
  const isDue = isEpochDue(state, netuid, height);
  state.set(SUBTENSOR.blocksSinceLastStep, [netuid], state.read(SUBTENSOR.blocksSinceLastStep, netuid) + 1);
  if (!isDue) return;
  runEpoch(state, netuid, height);
  state.set(SUBTENSOR.lastMechanismStepBlock, [netuid], height);
  state.set(SUBTENSOR.blocksSinceLastStep, [netuid], 0);
  if (isModulo(state, netuid)) return;
  state.set(SUBTENSOR.lastEpochBlock, [netuid], height);
  state.set(SUBTENSOR.pendingEpochAt, [netuid], 0);
  state.set(SUBTENSOR.subnetEpochIndex, [netuid], state.read(SUBTENSOR.subnetEpochIndex, netuid) + 1);
}

/**
 * Not Yuma consensus: incentive is the plain stake-weighted mean of the validators' weights, dividends are stake times
 * the agreement with that mean; no clipping, no bonds, no moving average. Enough for a metagraph that moves with the
 * weights. Permits stay as they were given at registration. Each mechanism has weights and incentives of its own; the rest
 * is their mean by its share of the emission.
 */
function runEpoch(state: ChainState, netuid: number, height: number): void {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  const active = Array.from({ length: count }, () => false);
  const trust = Array.from({ length: count }, () => 0);
  const incentive = new Float64Array(count);
  const dividends = new Float64Array(count);
  for (const [mecid, share] of mechanismShares(state, netuid).entries()) {
    const index = storageIndex(netuid, mecid);
    const activeHere = activity(state, netuid, index, height);
    const rows = validatorRows(state, netuid, index, activeHere);
    const earned = incentivesOf(rows, count);
    state.set(SUBTENSOR.incentive, [index], toU16(earned));
    for (const { uid } of rows) trust[uid] = U16_MAX;
    for (const [uid, dividend] of dividendsOf(rows, earned).entries()) {
      active[uid] ||= activeHere[uid]!;
      incentive[uid]! += share * earned[uid]!;
      dividends[uid]! += share * dividend;
    }
  }
  const pot = state.read(SUBTENSOR.tempo, netuid) * EMISSION_PER_BLOCK_RAO * SHARE;

  state.set(SUBTENSOR.active, [netuid], active);
  state.set(SUBTENSOR.consensus, [netuid], toU16(incentive));
  state.set(SUBTENSOR.dividends, [netuid], toU16(dividends));
  state.set(SUBTENSOR.validatorTrust, [netuid], trust);
  state.set(
    SUBTENSOR.emission,
    [netuid],
    Array.from(incentive, (share, uid) => BigInt(Math.floor((share + dividends[uid]!) * pot))),
  );
}

/** Active: updated its weights, or registered, within the activity cutoff. */
function activity(state: StateView, netuid: number, index: number, height: number): boolean[] {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  const updates = state.read(SUBTENSOR.lastUpdate, index);
  const factor = state.read(SUBTENSOR.activityCutoffFactorMilli, netuid);
  const cutoff = (factor * state.read(SUBTENSOR.tempo, netuid)) / MILLI;
  return Array.from({ length: count }, (_, uid) => height - (updates[uid] ?? 0) < cutoff);
}

interface ValidatorRow {
  uid: number;
  stake: number;
  /** Sum 1 over the uids that still are whom the validator meant. */
  weights: [uid: number, weight: number][];
}

function validatorRows(
  state: StateView,
  netuid: number,
  index: number,
  active: readonly boolean[],
): ValidatorRow[] {
  const permits = state.read(SUBTENSOR.validatorPermit, netuid);
  const updates = state.read(SUBTENSOR.lastUpdate, index);
  const registeredAt = active.map((_, uid) => state.read(SUBTENSOR.blockAtRegistration, netuid, uid));
  const rows: ValidatorRow[] = [];
  for (let uid = 0; uid < active.length; uid++) {
    if (!permits[uid] || !active[uid]) continue;
    const hotkey = state.read(SUBTENSOR.keys, netuid, uid);
    const stake = Number(stakeWeight(state, netuid, hotkey));
    const weights = state
      .read(SUBTENSOR.weights, index, uid)
      .filter(([other]) => other !== uid && registeredAt[other]! <= updates[uid]!);
    const sum = weights.reduce((total, [, weight]) => total + weight, 0);
    if (stake === 0 || sum === 0) continue;
    rows.push({ uid, stake, weights: weights.map(([other, weight]) => [other, weight / sum]) });
  }
  return rows;
}

function incentivesOf(rows: readonly ValidatorRow[], count: number): Float64Array {
  const totalStake = rows.reduce((sum, row) => sum + row.stake, 0);
  const incentives = new Float64Array(count);
  for (const { stake, weights } of rows)
    for (const [uid, weight] of weights) incentives[uid]! += (stake / totalStake) * weight;
  return normalise(incentives);
}

function dividendsOf(rows: readonly ValidatorRow[], incentives: Float64Array): Float64Array {
  const dividends = new Float64Array(incentives.length);
  for (const { uid, stake, weights } of rows)
    dividends[uid] = stake * weights.reduce((sum, [other, weight]) => sum + weight * incentives[other]!, 0);
  return normalise(dividends);
}

function normalise(values: Float64Array): Float64Array {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum > 0 ? values.map((value) => value / sum) : values;
}

const toU16 = (values: Float64Array): number[] => Array.from(values, (value) => Math.round(value * U16_MAX));
