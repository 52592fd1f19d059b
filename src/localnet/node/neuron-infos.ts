import type { NeuronInfo } from "./api-types.ts";
import type { Value } from "./codec.ts";
import { hotkeys, OLD_PRUNING_SCORE, OLD_RANK } from "./metagraph-fields.ts";
import { storageIndex } from "./neurons.ts";
import type { StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { type NeuronInfoLite, NO_AXON } from "./types.ts";

const NO_PROMETHEUS = { block: 0, version: 0, ip: 0n, port: 0, ipType: 0 };

/** All neurons of a subnet, by uid. */
export function neuronsLite(state: StateView, netuid: number): Value<typeof NeuronInfoLite>[] {
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

/** As `neuronsLite`, with the weights of each. There are no bonds here. */
export const neurons = (state: StateView, netuid: number): Value<typeof NeuronInfo>[] =>
  neuronsLite(state, netuid).map((neuron) => ({
    ...neuron,
    weights: state.read(SUBTENSOR.weights, storageIndex(netuid, 0), neuron.uid),
    bonds: [],
  }));
