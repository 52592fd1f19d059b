import { RAO_PER_TAO, U16_MAX } from "../../base/units.ts";
import { storageIndex } from "./neurons.ts";
import { isEpochDue } from "./schedule.ts";
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
  state.set(SUBTENSOR.lastEpochBlock, [netuid], height);
  state.set(SUBTENSOR.lastMechanismStepBlock, [netuid], height);
  state.set(SUBTENSOR.pendingEpochAt, [netuid], 0);
  state.set(SUBTENSOR.subnetEpochIndex, [netuid], state.read(SUBTENSOR.subnetEpochIndex, netuid) + 1);
  state.set(SUBTENSOR.blocksSinceLastStep, [netuid], 0);
}

/**
 * Not Yuma consensus: incentive is the plain stake-weighted mean of the validators' weights, dividends are stake times
 * the agreement with that mean; no clipping, no bonds, no moving average. Enough for a metagraph that moves with the
 * weights. Permits stay as they were given at registration.
 */
function runEpoch(state: ChainState, netuid: number, height: number): void {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  const active = activity(state, netuid, count, height);
  const rows = validatorRows(state, netuid, count, active);
  const totalStake = rows.reduce((sum, row) => sum + row.stake, 0);
  const incentive = new Float64Array(count);
  for (const { stake, weights } of rows)
    for (const [uid, weight] of weights) incentive[uid]! += (stake / totalStake) * weight;
  normalise(incentive);
  const dividends = new Float64Array(count);
  for (const { uid, stake, weights } of rows)
    dividends[uid] = stake * weights.reduce((sum, [other, weight]) => sum + weight * incentive[other]!, 0);
  normalise(dividends);
  const pot = state.read(SUBTENSOR.tempo, netuid) * EMISSION_PER_BLOCK_RAO * SHARE;
  const trust = Array.from({ length: count }, () => 0);
  for (const { uid } of rows) trust[uid] = U16_MAX;

  state.set(SUBTENSOR.active, [netuid], active);
  state.set(SUBTENSOR.incentive, [netuid], toU16(incentive));
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
function activity(state: StateView, netuid: number, count: number, height: number): boolean[] {
  const updates = state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, 0));
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

function validatorRows(state: StateView, netuid: number, count: number, active: boolean[]): ValidatorRow[] {
  const permits = state.read(SUBTENSOR.validatorPermit, netuid);
  const updates = state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, 0));
  const registeredAt = Array.from({ length: count }, (_, uid) =>
    state.read(SUBTENSOR.blockAtRegistration, netuid, uid),
  );
  const rows: ValidatorRow[] = [];
  for (let uid = 0; uid < count; uid++) {
    if (!permits[uid] || !active[uid]) continue;
    const hotkey = state.read(SUBTENSOR.keys, netuid, uid);
    const stake = Number(stakeWeight(state, netuid, hotkey));
    const weights = state
      .read(SUBTENSOR.weights, storageIndex(netuid, 0), uid)
      .filter(([other]) => other !== uid && registeredAt[other]! <= updates[uid]!);
    const sum = weights.reduce((total, [, weight]) => total + weight, 0);
    if (stake === 0 || sum === 0) continue;
    rows.push({ uid, stake, weights: weights.map(([other, weight]) => [other, weight / sum]) });
  }
  return rows;
}

function normalise(values: Float64Array): void {
  const sum = values.reduce((total, value) => total + value, 0);
  if (sum > 0) for (let index = 0; index < values.length; index++) values[index]! /= sum;
}

const toU16 = (values: Float64Array): number[] => Array.from(values, (value) => Math.round(value * U16_MAX));
