import { setMechanisms } from "./mechanisms.ts";
import type { AdminCallValue } from "./runtime.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { trimSubnet } from "./trim.ts";
import type { AccountHex } from "./types.ts";

/**
 * What `btcli sudo set` calls. The owner of the subnet may turn all of it here; some of it only root may on the public chain.
 * @returns whether the signer may
 */
export function administer(
  state: ChainState,
  signer: AccountHex,
  call: AdminCallValue,
  height: number,
): boolean {
  const { netuid } = call.fields;
  if (state.read(SUBTENSOR.subnetOwner, netuid) !== signer) return false;
  switch (call.kind) {
    case "sudo_set_serving_rate_limit":
      state.set(SUBTENSOR.servingRateLimit, [netuid], call.fields.servingRateLimit);
      break;
    case "sudo_set_weights_version_key":
      state.set(SUBTENSOR.weightsVersionKey, [netuid], call.fields.weightsVersionKey);
      break;
    case "sudo_set_weights_set_rate_limit":
      state.set(SUBTENSOR.weightsSetRateLimit, [netuid], call.fields.weightsSetRateLimit);
      break;
    case "sudo_set_immunity_period":
      state.set(SUBTENSOR.immunityPeriod, [netuid], call.fields.immunityPeriod);
      break;
    case "sudo_set_min_allowed_weights":
      state.set(SUBTENSOR.minAllowedWeights, [netuid], call.fields.minAllowedWeights);
      break;
    case "sudo_set_max_allowed_uids":
      state.set(SUBTENSOR.maxAllowedUids, [netuid], call.fields.maxAllowedUids);
      break;
    case "sudo_set_max_allowed_validators":
      state.set(SUBTENSOR.maxAllowedValidators, [netuid], call.fields.maxAllowedValidators);
      break;
    case "sudo_set_network_registration_allowed":
      state.set(SUBTENSOR.networkRegistrationAllowed, [netuid], call.fields.registrationAllowed);
      break;
    case "sudo_set_tempo":
      state.set(SUBTENSOR.tempo, [netuid], call.fields.tempo);
      break;
    case "sudo_set_commit_reveal_weights_enabled":
      state.set(SUBTENSOR.commitRevealWeightsEnabled, [netuid], call.fields.enabled);
      break;
    case "sudo_set_commit_reveal_weights_interval":
      state.set(SUBTENSOR.revealPeriodEpochs, [netuid], call.fields.interval);
      break;
    case "sudo_set_mechanism_count":
      setMechanisms(state, netuid, call.fields.mechanismCount);
      break;
    case "sudo_trim_to_max_allowed_uids":
      trimSubnet(state, netuid, call.fields.maxN, height);
      break;
  }
  return true;
}
