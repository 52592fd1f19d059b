import { encode, height as heightCodec, option, u16, u32, type Value, vec } from "./codec.ts";
import { METAGRAPH_FIELDS, SelectiveMetagraph, type SelectiveMetagraphValue } from "./metagraph-type.ts";
import { storageIndex } from "./neurons.ts";
import type { ScaleReader } from "./scale.ts";
import { nextEpochBlock } from "./schedule.ts";
import type { StateView } from "./state.ts";
import { SUBTENSOR, SYSTEM } from "./storage.ts";
import { AccountId, NeuronInfoLite, NO_AXON } from "./types.ts";

const NO_PROMETHEUS = { block: 0, version: 0, ip: 0n, port: 0, ipType: 0 };
/** Rank and trust are gone from the runtime; it answers constants. */
const OLD_RANK = 0;
const OLD_PRUNING_SCORE = 65_535;
const MILLI = 1000;

type Fields = { [K in keyof SelectiveMetagraphValue]: SelectiveMetagraphValue[K] };
type Read = (state: StateView, netuid: number, height: number) => Partial<Fields>[keyof Fields];

/** The runtime APIs of this node by the name that `state_call` uses; null for others. */
export function callRuntime(
  method: string,
  input: ScaleReader,
  state: StateView,
  height: number,
): Uint8Array | null {
  switch (method) {
    case "AccountNonceApi_account_nonce":
      return encode(u32, state.read(SYSTEM.account, AccountId.read(input)).nonce);
    case "NeuronInfoRuntimeApi_get_neurons_lite":
      return encode(vec(NeuronInfoLite), neuronsLite(state, u16.read(input)));
    case "SubnetInfoRuntimeApi_get_selective_metagraph": {
      const netuid = u16.read(input);
      return encode(
        option(SelectiveMetagraph),
        selectiveMetagraph(state, netuid, vec(u16).read(input), height),
      );
    }
    case "SubnetInfoRuntimeApi_get_next_epoch_start_block":
      return encode(option(heightCodec), nextEpochBlock(state, u16.read(input), height));
    default:
      return null;
  }
}

const FIELD_NAMES = Object.keys(METAGRAPH_FIELDS) as (keyof Fields)[];

/** Only the asked fields are filled, the others are None; an index that is no field is passed over. */
export function selectiveMetagraph(
  state: StateView,
  netuid: number,
  indexes: number[],
  height: number,
): SelectiveMetagraphValue | null {
  if (!state.read(SUBTENSOR.networksAdded, netuid)) return null;
  const value: Record<string, unknown> = Object.fromEntries(FIELD_NAMES.map((name) => [name, null]));
  value.netuid = netuid;
  for (const index of indexes) {
    const name = FIELD_NAMES[index];
    const read = name && READERS[name];
    if (read) value[name] = read(state, netuid, height);
  }
  return value as SelectiveMetagraphValue;
}

const uids = (state: StateView, netuid: number): number[] =>
  Array.from({ length: state.read(SUBTENSOR.subnetworkN, netuid) }, (_, uid) => uid);
const hotkeys = (state: StateView, netuid: number): string[] =>
  uids(state, netuid).map((uid) => state.read(SUBTENSOR.keys, netuid, uid));
const alphaStake = (state: StateView, netuid: number): bigint[] =>
  hotkeys(state, netuid).map((hotkey) => state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, netuid));
const zeros = <T>(state: StateView, netuid: number, zero: T): T[] => uids(state, netuid).map(() => zero);
const text = (value: string): number[] => [...Buffer.from(value, "utf8")];

/** Fields with something to say; what a localnet does not have (prices, burns, identities) stays None or empty. */
const READERS: Partial<Record<keyof Fields, Read>> = {
  name: () => text("localnet"),
  symbol: () => text("α"),
  identity: () => null,
  networkRegisteredAt: () => 0,
  block: (_state, _netuid, height) => height,
  tempo: (state, netuid) => state.read(SUBTENSOR.tempo, netuid),
  lastStep: (state, netuid) => state.read(SUBTENSOR.lastMechanismStepBlock, netuid),
  blocksSinceLastStep: (state, netuid) => state.read(SUBTENSOR.blocksSinceLastStep, netuid),
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
  registrationAllowed: (state, netuid) => state.read(SUBTENSOR.networkRegistrationAllowed, netuid),
  immunityPeriod: (state, netuid) => state.read(SUBTENSOR.immunityPeriod, netuid),
  servingRateLimit: (state, netuid) => state.read(SUBTENSOR.servingRateLimit, netuid),
  commitRevealWeightsEnabled: (state, netuid) => state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid),
  commitRevealPeriod: (state, netuid) => state.read(SUBTENSOR.revealPeriodEpochs, netuid),
  hotkeys,
  coldkeys: (state, netuid) => hotkeys(state, netuid).map((hotkey) => state.read(SUBTENSOR.owner, hotkey)),
  identities: (state, netuid) => zeros(state, netuid, null),
  axons: (state, netuid) =>
    hotkeys(state, netuid).map((hotkey) => state.get(SUBTENSOR.axons, netuid, hotkey) ?? NO_AXON),
  active: (state, netuid) => state.read(SUBTENSOR.active, netuid),
  validatorPermit: (state, netuid) => state.read(SUBTENSOR.validatorPermit, netuid),
  pruningScore: (state, netuid) => zeros(state, netuid, OLD_PRUNING_SCORE),
  lastUpdate: (state, netuid) => state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, 0)),
  emission: (state, netuid) => state.read(SUBTENSOR.emission, netuid),
  dividends: (state, netuid) => state.read(SUBTENSOR.dividends, netuid),
  incentives: (state, netuid) => state.read(SUBTENSOR.incentive, netuid),
  consensus: (state, netuid) => state.read(SUBTENSOR.consensus, netuid),
  trust: (state, netuid) => zeros(state, netuid, OLD_RANK),
  rank: (state, netuid) => zeros(state, netuid, OLD_RANK),
  blockAtRegistration: (state, netuid) =>
    uids(state, netuid).map((uid) => state.read(SUBTENSOR.blockAtRegistration, netuid, uid)),
  // All stake of a localnet is alpha on its subnet; none is TAO on the root network.
  alphaStake,
  taoStake: (state, netuid) => zeros(state, netuid, 0n),
  totalStake: alphaStake,
  taoDividendsPerHotkey: () => [],
  alphaDividendsPerHotkey: () => [],
  validators: (state, netuid) =>
    state.read(SUBTENSOR.validatorPermit, netuid).flatMap((permit, uid) => (permit ? [uid] : [])),
  commitments: () => [],
};

function neuronsLite(state: StateView, netuid: number): Value<typeof NeuronInfoLite>[] {
  const active = state.read(SUBTENSOR.active, netuid);
  const permits = state.read(SUBTENSOR.validatorPermit, netuid);
  const updates = state.read(SUBTENSOR.lastUpdate, storageIndex(netuid, 0));
  const emission = state.read(SUBTENSOR.emission, netuid);
  const incentive = state.read(SUBTENSOR.incentive, netuid);
  const consensus = state.read(SUBTENSOR.consensus, netuid);
  const validatorTrust = state.read(SUBTENSOR.validatorTrust, netuid);
  const dividends = state.read(SUBTENSOR.dividends, netuid);
  return hotkeys(state, netuid).map((hotkey, uid) => {
    const coldkey = state.read(SUBTENSOR.owner, hotkey);
    return {
      hotkey,
      coldkey,
      uid,
      netuid,
      active: active[uid]!,
      axonInfo: state.get(SUBTENSOR.axons, netuid, hotkey) ?? NO_AXON,
      prometheusInfo: NO_PROMETHEUS,
      stake: [[coldkey, state.read(SUBTENSOR.totalHotkeyAlpha, hotkey, netuid)]],
      rank: OLD_RANK,
      emission: emission[uid]!,
      incentive: incentive[uid]!,
      consensus: consensus[uid]!,
      trust: OLD_RANK,
      validatorTrust: validatorTrust[uid]!,
      dividends: dividends[uid]!,
      lastUpdate: updates[uid]!,
      validatorPermit: permits[uid]!,
      pruningScore: OLD_PRUNING_SCORE,
    };
  });
}
