import { EMISSION_PER_BLOCK_RAO } from "./epoch.ts";
import { METAGRAPH_FIELDS, type MetagraphFields, type SelectiveMetagraphValue } from "./metagraph-type.ts";
import { storageIndex } from "./neurons.ts";
import { ROOT_NETUID, rootStake, stakeWeight } from "./stakes.ts";
import type { StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { READ_ONLY } from "./storage-clients.ts";
import { NO_AXON } from "./types.ts";

/** Rank and trust are gone from the runtime; it answers constants. */
export const OLD_RANK = 0;
export const OLD_PRUNING_SCORE = 65_535;
const MILLI = 1000;
/** One TAO for one alpha, with 32 bits of fraction in the chain's FixedI128. */
const ONE = { bits: 1n << 32n };
// The runtime's defaults (constants Initial… of its metadata).
const ADJUSTMENT_INTERVAL_BLOCKS = 100;
const TARGET_REGISTRATIONS = 2;
const MOST_REGISTRATIONS_PER_BLOCK = 1;
const ALPHA_HIGH = 58_982;
const ALPHA_LOW = 45_875;
const BONDS_MOVING_AVERAGE = 900_000n;

const FIELD_NAMES = Object.keys(METAGRAPH_FIELDS) as (keyof MetagraphFields)[];

/** Only the asked fields are filled, the others are None; an index that is no field is passed over. */
export function selectiveMetagraph(
  state: StateView,
  netuid: number,
  indexes: number[],
  height: number,
  mecid = 0,
): SelectiveMetagraphValue | null {
  if (!state.read(SUBTENSOR.networksAdded, netuid)) return null;
  const value: Record<string, unknown> = Object.fromEntries(FIELD_NAMES.map((name) => [name, null]));
  value.netuid = netuid;
  for (const index of indexes) {
    const name = FIELD_NAMES[index];
    if (name) value[name] = READERS[name](state, netuid, height, mecid);
  }
  return value as SelectiveMetagraphValue;
}

/** The whole of it; null for a subnet that is not there. */
export function metagraph(
  state: StateView,
  netuid: number,
  height: number,
  mecid = 0,
): MetagraphFields | null {
  if (!state.read(SUBTENSOR.networksAdded, netuid)) return null;
  return Object.fromEntries(
    FIELD_NAMES.map((name) => [name, READERS[name](state, netuid, height, mecid)]),
  ) as MetagraphFields;
}

const uids = (state: StateView, netuid: number): number[] =>
  Array.from({ length: state.read(SUBTENSOR.subnetworkN, netuid) }, (_, uid) => uid);
export const hotkeys = (state: StateView, netuid: number): string[] =>
  uids(state, netuid).map((uid) => state.read(SUBTENSOR.keys, netuid, uid));
const alphaStake = (state: StateView, netuid: number): bigint[] =>
  hotkeys(state, netuid).map((hotkey) => state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, netuid));
const zeros = <T>(state: StateView, netuid: number, zero: T): T[] => uids(state, netuid).map(() => zero);
export const text = (value: string): number[] => [...Buffer.from(value, "utf8")];

/** Every field. What a localnet does not have (identities, proof of work, moving prices) reads as on a subnet that does not use it. */
const READERS: {
  [K in keyof MetagraphFields]: (
    state: StateView,
    netuid: number,
    height: number,
    mecid: number,
  ) => MetagraphFields[K];
} = {
  netuid: (_state, netuid) => netuid,
  name: (_state, netuid) => text(netuid === ROOT_NETUID ? "root" : "localnet"),
  symbol: (state, netuid) => [...state.read(SUBTENSOR.tokenSymbol, netuid)],
  identity: () => null,
  networkRegisteredAt: (state, netuid) => state.read(SUBTENSOR.networkRegisteredAt, netuid),
  ownerHotkey: (state, netuid) => state.read(SUBTENSOR.subnetOwnerHotkey, netuid),
  ownerColdkey: (state, netuid) => state.read(SUBTENSOR.subnetOwner, netuid),
  block: (_state, _netuid, height) => height,
  tempo: (state, netuid) => state.read(SUBTENSOR.tempo, netuid),
  lastStep: (state, netuid) => state.read(SUBTENSOR.lastMechanismStepBlock, netuid),
  blocksSinceLastStep: (state, netuid) => state.read(SUBTENSOR.blocksSinceLastStep, netuid),
  subnetEmission: () => 0n,
  alphaIn: (state, netuid) => state.read(SUBTENSOR.subnetAlphaIn, netuid),
  alphaOut: (state, netuid) => state.read(SUBTENSOR.subnetAlphaOut, netuid),
  taoIn: (state, netuid) => state.read(SUBTENSOR.subnetTao, netuid),
  alphaOutEmission: (_state, netuid) => (netuid === ROOT_NETUID ? 0n : BigInt(EMISSION_PER_BLOCK_RAO)),
  alphaInEmission: () => 0n,
  taoInEmission: () => 0n,
  pendingAlphaEmission: () => 0n,
  pendingRootEmission: () => 0n,
  subnetVolume: (state, netuid) => state.read(READ_ONLY.subnetVolume, netuid),
  movingPrice: () => ONE,
  rho: (state, netuid) => state.read(READ_ONLY.rho, netuid),
  kappa: (state, netuid) => state.read(READ_ONLY.kappa, netuid),
  minAllowedWeights: (state, netuid) => state.read(SUBTENSOR.minAllowedWeights, netuid),
  maxWeightsLimit: (state, netuid) => state.read(SUBTENSOR.maxWeightsLimit, netuid),
  weightsVersion: (state, netuid) => state.read(SUBTENSOR.weightsVersionKey, netuid),
  weightsRateLimit: (state, netuid) => state.read(SUBTENSOR.weightsSetRateLimit, netuid),
  activityCutoff: (state, netuid) =>
    Math.floor(
      (state.read(SUBTENSOR.activityCutoffFactorMilli, netuid) * state.read(SUBTENSOR.tempo, netuid)) / MILLI,
    ),
  maxValidators: (state, netuid) => state.read(SUBTENSOR.maxAllowedValidators, netuid),
  numUids: (state, netuid) => state.read(SUBTENSOR.subnetworkN, netuid),
  maxUids: (state, netuid) => state.read(SUBTENSOR.maxAllowedUids, netuid),
  burn: (state, netuid) => state.read(SUBTENSOR.burn, netuid),
  difficulty: (state, netuid) => state.read(READ_ONLY.difficulty, netuid),
  registrationAllowed: (state, netuid) => state.read(SUBTENSOR.networkRegistrationAllowed, netuid),
  powRegistrationAllowed: () => false,
  immunityPeriod: (state, netuid) => state.read(SUBTENSOR.immunityPeriod, netuid),
  minDifficulty: (state, netuid) => state.read(READ_ONLY.minDifficulty, netuid),
  maxDifficulty: (state, netuid) => state.read(READ_ONLY.maxDifficulty, netuid),
  minBurn: (state, netuid) => state.read(READ_ONLY.minBurn, netuid),
  maxBurn: (state, netuid) => state.read(READ_ONLY.maxBurn, netuid),
  adjustmentAlpha: () => 0n,
  adjustmentInterval: () => ADJUSTMENT_INTERVAL_BLOCKS,
  targetRegsPerInterval: () => TARGET_REGISTRATIONS,
  maxRegsPerBlock: () => MOST_REGISTRATIONS_PER_BLOCK,
  servingRateLimit: (state, netuid) => state.read(SUBTENSOR.servingRateLimit, netuid),
  commitRevealWeightsEnabled: (state, netuid) => state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid),
  commitRevealPeriod: (state, netuid) => state.read(SUBTENSOR.revealPeriodEpochs, netuid),
  liquidAlphaEnabled: () => false,
  alphaHigh: () => ALPHA_HIGH,
  alphaLow: () => ALPHA_LOW,
  bondsMovingAvg: () => BONDS_MOVING_AVERAGE,
  hotkeys,
  coldkeys: (state, netuid) => hotkeys(state, netuid).map((hotkey) => state.read(SUBTENSOR.owner, hotkey)),
  identities: (state, netuid) => zeros(state, netuid, null),
  axons: (state, netuid) =>
    hotkeys(state, netuid).map((hotkey) => state.get(SUBTENSOR.axons, netuid, hotkey) ?? NO_AXON),
  active: (state, netuid) => state.read(SUBTENSOR.active, netuid),
  validatorPermit: (state, netuid) => state.read(SUBTENSOR.validatorPermit, netuid),
  pruningScore: (state, netuid) => zeros(state, netuid, OLD_PRUNING_SCORE),
  lastUpdate: (state, netuid, _height, mecid) => {
    const updates = state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, mecid));
    return uids(state, netuid).map((uid) => updates[uid] ?? 0);
  },
  emission: (state, netuid) => state.read(SUBTENSOR.emission, netuid),
  dividends: (state, netuid) => state.read(SUBTENSOR.dividends, netuid),
  incentives: (state, netuid, _height, mecid) => state.read(SUBTENSOR.incentive, storageIndex(netuid, mecid)),
  consensus: (state, netuid) => state.read(SUBTENSOR.consensus, netuid),
  trust: (state, netuid) => zeros(state, netuid, OLD_RANK),
  rank: (state, netuid) => zeros(state, netuid, OLD_RANK),
  blockAtRegistration: (state, netuid) =>
    uids(state, netuid).map((uid) => state.read(SUBTENSOR.blockAtRegistration, netuid, uid)),
  alphaStake,
  taoStake: (state, netuid) => hotkeys(state, netuid).map((hotkey) => rootStake(state, hotkey)),
  totalStake: (state, netuid) => hotkeys(state, netuid).map((hotkey) => stakeWeight(state, netuid, hotkey)),
  taoDividendsPerHotkey: () => [],
  alphaDividendsPerHotkey: () => [],
  validators: (state, netuid) =>
    state.read(SUBTENSOR.validatorPermit, netuid).flatMap((permit, uid) => (permit ? [uid] : [])),
  commitments: () => [],
};
