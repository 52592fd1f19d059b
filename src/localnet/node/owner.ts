import { MOST_MECHANISMS, setMechanisms } from "./mechanisms.ts";
import type { CallError, Outcome, SubtensorEventValue } from "./outcome.ts";
import type { AdminCallValue } from "./runtime.ts";
import { LONGEST_TEMPO_BLOCKS, setTempo } from "./schedule.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { trimSubnet } from "./trim.ts";
import type { AccountHex } from "./types.ts";

/** MAX_COMMIT_REVEAL_PEROIDS of the runtime, in epochs. */
export const LONGEST_REVEAL_PERIOD = 100;

const isOwner = (state: ChainState, netuid: number, signer: AccountHex): boolean =>
  state.read(SUBTENSOR.subnetOwner, netuid) === signer;
const told = (...events: SubtensorEventValue[]): Outcome<CallError> => ({ events });

/**
 * What `btcli sudo set` calls. The owner of the subnet may turn all of it here; some of it only root may on the public chain.
 * Bounds and events are the runtime's, but that a subnet may have as few uids as one (the public chain: 64), that its uids are not
 * shared out among its mechanisms, and that nothing waits for a rate limit.
 */
export function administer(
  state: ChainState,
  signer: AccountHex,
  call: AdminCallValue,
  height: number,
): Outcome<CallError> {
  const { netuid } = call.fields;
  if (!isOwner(state, netuid, signer)) return { error: "BadOrigin" };
  const most = state.read(SUBTENSOR.maxAllowedUids, netuid);
  switch (call.kind) {
    case "sudo_set_serving_rate_limit": {
      const { servingRateLimit } = call.fields;
      state.set(SUBTENSOR.servingRateLimit, [netuid], servingRateLimit);
      return told({ kind: "ServingRateLimitSet", fields: { 0: netuid, 1: servingRateLimit } });
    }
    case "sudo_set_weights_version_key": {
      const { weightsVersionKey } = call.fields;
      state.set(SUBTENSOR.weightsVersionKey, [netuid], weightsVersionKey);
      return told({ kind: "WeightsVersionKeySet", fields: { 0: netuid, 1: weightsVersionKey } });
    }
    case "sudo_set_weights_set_rate_limit": {
      const { weightsSetRateLimit } = call.fields;
      state.set(SUBTENSOR.weightsSetRateLimit, [netuid], weightsSetRateLimit);
      return told({ kind: "WeightsSetRateLimitSet", fields: { 0: netuid, 1: weightsSetRateLimit } });
    }
    case "sudo_set_immunity_period": {
      const { immunityPeriod } = call.fields;
      state.set(SUBTENSOR.immunityPeriod, [netuid], immunityPeriod);
      return told({ kind: "ImmunityPeriodSet", fields: { 0: netuid, 1: immunityPeriod } });
    }
    case "sudo_set_min_allowed_weights": {
      const { minAllowedWeights } = call.fields;
      state.set(SUBTENSOR.minAllowedWeights, [netuid], minAllowedWeights);
      return told({ kind: "MinAllowedWeightSet", fields: { 0: netuid, 1: minAllowedWeights } });
    }
    case "sudo_set_max_allowed_uids": {
      const { maxAllowedUids } = call.fields;
      if (maxAllowedUids === 0) return { error: "MaxAllowedUidsLessThanMinAllowedUids" };
      if (state.read(SUBTENSOR.subnetworkN, netuid) > maxAllowedUids)
        return { error: "MaxAllowedUIdsLessThanCurrentUIds" };
      state.set(SUBTENSOR.maxAllowedUids, [netuid], maxAllowedUids);
      return told({ kind: "MaxAllowedUidsSet", fields: { 0: netuid, 1: maxAllowedUids } });
    }
    case "sudo_set_max_allowed_validators": {
      const { maxAllowedValidators } = call.fields;
      if (maxAllowedValidators > most) return { error: "MaxValidatorsLargerThanMaxUIds" };
      state.set(SUBTENSOR.maxAllowedValidators, [netuid], maxAllowedValidators);
      return told({ kind: "MaxAllowedValidatorsSet", fields: { 0: netuid, 1: maxAllowedValidators } });
    }
    case "sudo_set_network_registration_allowed": {
      const { registrationAllowed } = call.fields;
      state.set(SUBTENSOR.networkRegistrationAllowed, [netuid], registrationAllowed);
      return told({ kind: "RegistrationAllowed", fields: { 0: netuid, 1: registrationAllowed } });
    }
    case "sudo_set_tempo":
      return ownTempo(state, signer, { netuid, tempo: call.fields.tempo }, height);
    case "sudo_set_commit_reveal_weights_enabled": {
      const { enabled } = call.fields;
      state.set(SUBTENSOR.commitRevealWeightsEnabled, [netuid], enabled);
      return told({ kind: "CommitRevealEnabled", fields: { 0: netuid, 1: enabled } });
    }
    case "sudo_set_commit_reveal_weights_interval": {
      const { interval } = call.fields;
      if (interval > LONGEST_REVEAL_PERIOD) return { error: "RevealPeriodTooLarge" };
      if (interval === 0) return { error: "RevealPeriodTooSmall" };
      state.set(SUBTENSOR.revealPeriodEpochs, [netuid], interval);
      return told({ kind: "CommitRevealPeriodsSet", fields: { 0: netuid, 1: interval } });
    }
    case "sudo_set_mechanism_count": {
      const { mechanismCount } = call.fields;
      if (mechanismCount === 0 || mechanismCount > MOST_MECHANISMS) return { error: "InvalidValue" };
      setMechanisms(state, netuid, mechanismCount);
      return told();
    }
    case "sudo_trim_to_max_allowed_uids": {
      const { maxN } = call.fields;
      if (maxN === 0 || maxN > most) return { error: "InvalidValue" };
      trimSubnet(state, netuid, maxN, height);
      return told();
    }
  }
}

/** The call of the owner alone; a localnet takes a shorter tempo than the 360 blocks that the public chain asks for. */
export function ownTempo(
  state: ChainState,
  signer: AccountHex,
  { netuid, tempo }: { netuid: number; tempo: number },
  height: number,
): Outcome<CallError> {
  if (!isOwner(state, netuid, signer)) return { error: "BadOrigin" };
  if (tempo === 0 || tempo > LONGEST_TEMPO_BLOCKS) return { error: "TempoOutOfBounds" };
  setTempo(state, netuid, tempo, height);
  return told({ kind: "TempoSet", fields: { 0: netuid, 1: tempo } });
}
