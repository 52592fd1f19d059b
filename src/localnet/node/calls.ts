import type { PalletError } from "./errors.ts";
import { digest } from "./header.ts";
import {
  chooseUid,
  hasMechanism,
  hasStakeForWeights,
  placeNeuron,
  setLastUpdate,
  storageIndex,
  uidOf,
} from "./neurons.ts";
import { type CallError, inSubtensor, type Outcome } from "./outcome.ts";
import { administer, ownTempo } from "./owner.ts";
import type {
  BalancesCallValue,
  RuntimeCallValue,
  RuntimeEventValue,
  SubtensorCallValue,
} from "./runtime.ts";
import { commitSalted, revealSalted } from "./salted-commits.ts";
import { epochOf } from "./schedule.ts";
import { addStake, freeBalance, isOwned, own, ROOT_NETUID, removeStake, setFreeBalance } from "./stakes.ts";
import type { ChainState, StateView } from "./state.ts";
import { DRAND, SUBTENSOR } from "./storage.ts";
import { swapHotkeys } from "./swap.ts";
import { type AccountHex, NO_AXON } from "./types.ts";
import { dispatchBatch } from "./weight-batches.ts";
import { applyWeights, isWithinRateLimit, type WeightsCall } from "./weights.ts";

type ServeAxon = Extract<SubtensorCallValue, { kind: "serve_axon" }>["fields"];
interface TimelockedCall {
  netuid: number;
  mecid: number;
  commit: Uint8Array;
  revealRound: bigint;
  commitRevealVersion: number;
}

/** Unrevealed commits of one hotkey in one epoch. */
const MOST_COMMITS_PER_EPOCH = 10;
const HIGHEST_U32 = 0xffff_ffffn;
const HIGHEST_U128 = (1n << 128n) - 1n;
const LOOPBACK_V4 = 0x7f00_0001n;
const LOOPBACK_V6 = 1n;

/**
 * What the pool asks of a call before it takes it, and the block builder again before it runs it: the checks of
 * SubtensorTransactionExtension. `height` is the block in which the call would run.
 */
export function precheck(
  state: StateView,
  signer: AccountHex,
  call: RuntimeCallValue,
  height: number,
): PalletError | null {
  if (call.kind !== "SubtensorModule") return null;
  const inner = call.fields[0];
  switch (inner.kind) {
    case "serve_axon":
      return checkServeAxon(state, signer, inner.fields, height);
    case "set_weights":
    case "set_mechanism_weights": {
      const { netuid, mecid } = weightsCall(inner);
      if (!hasStakeForWeights(state, netuid, signer)) return "NotEnoughStakeToSetWeights";
      if (state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return null; // refused at dispatch
      const uid = uidOf(state, netuid, signer);
      if (uid === null || isWithinRateLimit(state, netuid, mecid, uid, height)) return null;
      return "SettingWeightsTooFast";
    }
    case "commit_timelocked_weights":
    case "commit_timelocked_mechanism_weights":
      if (!hasStakeForWeights(state, inner.fields.netuid, signer)) return "NotEnoughStakeToSetWeights";
      return inner.fields.revealRound < state.read(DRAND.lastStoredRound) ? "InvalidRevealRound" : null;
    default:
      return null;
  }
}

/** Runs a call in the block of `height`. A call that ends with an error has changed nothing. */
export function dispatch(
  state: ChainState,
  signer: AccountHex,
  call: RuntimeCallValue,
  height: number,
): { events: RuntimeEventValue[] } | { error: CallError } {
  if (call.kind === "Balances") return transfer(state, signer, call.fields[0]);
  if (call.kind === "MevShield")
    return {
      events: [
        {
          kind: "MevShield",
          fields: {
            0: {
              kind: "EncryptedSubmitted",
              fields: { id: digest(call.fields[0].fields.ciphertext), who: signer },
            },
          },
        },
      ],
    };
  if (call.kind !== "SubtensorModule" && call.kind !== "AdminUtils") return { events: [] };
  const outcome =
    call.kind === "AdminUtils"
      ? administer(state, signer, call.fields[0], height)
      : dispatchSubtensor(state, signer, call.fields[0], height);
  return "error" in outcome ? outcome : { events: outcome.events.map(inSubtensor) };
}

function transfer(
  state: ChainState,
  from: AccountHex,
  call: BalancesCallValue,
): { events: RuntimeEventValue[] } | { error: CallError } {
  const { dest } = call.fields;
  if (dest.kind !== "Id") return { error: "FundsUnavailable" };
  const to = dest.fields[0];
  const free = freeBalance(state, from);
  const amount = call.kind === "transfer_all" ? free : call.fields.value;
  if (free < amount) return { error: "FundsUnavailable" };
  setFreeBalance(state, from, free - amount);
  setFreeBalance(state, to, freeBalance(state, to) + amount);
  return {
    events: [{ kind: "Balances", fields: { 0: { kind: "Transfer", fields: { from, to, amount } } } }],
  };
}

function dispatchSubtensor(
  state: ChainState,
  signer: AccountHex,
  inner: SubtensorCallValue,
  height: number,
): Outcome<CallError> {
  switch (inner.kind) {
    case "serve_axon":
      return serveAxon(state, signer, inner.fields, height);
    case "set_weights":
    case "set_mechanism_weights":
      if (state.read(SUBTENSOR.commitRevealWeightsEnabled, inner.fields.netuid))
        return { error: "CommitRevealEnabled" };
      return applyWeights(state, signer, weightsCall(inner), height);
    case "commit_timelocked_weights":
      return commitTimelocked(state, signer, { ...inner.fields, mecid: 0 }, height);
    case "commit_timelocked_mechanism_weights":
      return commitTimelocked(state, signer, inner.fields, height);
    case "burned_register":
      return register(state, inner.fields.netuid, inner.fields.hotkey, signer, height);
    case "register_limit":
      if (inner.fields.limitPrice < state.read(SUBTENSOR.burn, inner.fields.netuid))
        return { error: "RegistrationPriceLimitExceeded" };
      return register(state, inner.fields.netuid, inner.fields.hotkey, signer, height);
    case "add_stake":
    case "add_stake_limit": {
      const { hotkey, netuid, amountStaked } = inner.fields;
      const error = addStake(state, { hotkey, coldkey: signer, netuid }, amountStaked);
      return error ? { error } : moved("StakeAdded", signer, hotkey, netuid, amountStaked);
    }
    case "remove_stake":
    case "remove_stake_limit": {
      const { hotkey, netuid, amountUnstaked } = inner.fields;
      const error = removeStake(state, { hotkey, coldkey: signer, netuid }, amountUnstaked);
      return error ? { error } : moved("StakeRemoved", signer, hotkey, netuid, amountUnstaked);
    }
    case "register_network":
    case "register_network_with_identity":
      return { error: "SubnetLimitReached" }; // there is this one only
    case "swap_hotkey": {
      const { hotkey: oldHotkey, newHotkey, netuid } = inner.fields;
      return swapHotkeys(state, netuid, { coldkey: signer, oldHotkey, newHotkey });
    }
    case "set_tempo":
      return ownTempo(state, signer, inner.fields, height);
    case "commit_weights":
      return commitSalted(state, signer, { ...inner.fields, mecid: 0 }, height);
    case "commit_mechanism_weights":
      return commitSalted(state, signer, inner.fields, height);
    case "reveal_weights":
      return revealSalted(state, signer, { ...inner.fields, mecid: 0 }, height);
    case "reveal_mechanism_weights":
      return revealSalted(state, signer, inner.fields, height);
    case "batch_set_weights":
    case "batch_commit_weights":
    case "batch_reveal_weights":
      return dispatchBatch(state, signer, inner, height);
    case "try_associate_hotkey":
      if (!isOwned(state, inner.fields.hotkey)) own(state, inner.fields.hotkey, signer);
      return { events: [] };
  }
}

/** The price of alpha is one TAO and there is no fee, so a limit on it is always kept. */
const moved = (
  kind: "StakeAdded" | "StakeRemoved",
  coldkey: AccountHex,
  hotkey: AccountHex,
  netuid: number,
  rao: bigint,
): Outcome => ({
  events: [{ kind, fields: { 0: coldkey, 1: hotkey, 2: rao, 3: rao, 4: netuid, 5: 0n } }],
});

function weightsCall(
  call: Extract<SubtensorCallValue, { kind: "set_weights" | "set_mechanism_weights" }>,
): WeightsCall {
  const { netuid, dests, weights, versionKey } = call.fields;
  const mecid = call.kind === "set_weights" ? 0 : call.fields.mecid;
  return { netuid, mecid, uids: dests, values: weights, versionKey };
}

/** The order is the runtime's: validate_serve_axon. */
function checkServeAxon(
  state: StateView,
  hotkey: AccountHex,
  axon: ServeAxon,
  height: number,
): PalletError | null {
  if (uidOf(state, axon.netuid, hotkey) === null) return "HotKeyNotRegisteredInNetwork";
  if (axon.ipType !== 4 && axon.ipType !== 6) return "InvalidIpType";
  if (!isServableIp(axon.ipType, axon.ip)) return "InvalidIpAddress";
  const limit = state.read(SUBTENSOR.servingRateLimit, axon.netuid);
  const servedAt = (state.get(SUBTENSOR.axons, axon.netuid, hotkey) ?? NO_AXON).block;
  if (limit !== 0 && servedAt !== 0 && height - servedAt < limit) return "ServingRateLimitExceeded";
  return axon.port === 0 ? "InvalidPort" : null;
}

/**
 * The real chain's rule, kept here although it refuses 127.0.0.1: miners of a localnet listen on loopback, and their
 * axons therefore stand in the genesis state. Zero means "not serving" and is allowed.
 */
function isServableIp(ipType: 4 | 6 | number, ip: bigint): boolean {
  if (ipType === 4) return ip < HIGHEST_U32 && ip !== LOOPBACK_V4;
  return ip !== HIGHEST_U128 && ip !== LOOPBACK_V6;
}

function serveAxon(state: ChainState, hotkey: AccountHex, call: ServeAxon, height: number): Outcome {
  if (!state.read(SUBTENSOR.networksAdded, call.netuid)) return { error: "SubnetNotExists" };
  const error = checkServeAxon(state, hotkey, call, height);
  if (error) return { error };
  const { netuid, ...axon } = call;
  state.set(SUBTENSOR.axons, [netuid, hotkey], { ...axon, block: height });
  return { events: [{ kind: "AxonServed", fields: { 0: netuid, 1: hotkey } }] };
}

/** The order is the runtime's: internal_commit_timelocked_weights. Permit, stake and the weights come at the reveal. */
function commitTimelocked(
  state: ChainState,
  hotkey: AccountHex,
  call: TimelockedCall,
  height: number,
): Outcome {
  const { netuid, mecid, commit, revealRound } = call;
  if (!hasMechanism(state, netuid, mecid)) return { error: "MechanismDoesNotExist" };
  if (!state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return { error: "CommitRevealDisabled" };
  if (call.commitRevealVersion !== state.read(SUBTENSOR.commitRevealWeightsVersion))
    return { error: "IncorrectCommitRevealVersion" };
  const uid = uidOf(state, netuid, hotkey);
  if (uid === null) return { error: "HotKeyNotRegisteredInSubNet" };
  if (!isWithinRateLimit(state, netuid, mecid, uid, height)) return { error: "CommittingWeightsTooFast" };
  const index = storageIndex(netuid, mecid);
  const epoch = epochOf(state, netuid, height);
  const commits = state.read(SUBTENSOR.timelockedWeightCommits, index, epoch);
  if (commits.filter(([who]) => who === hotkey).length >= MOST_COMMITS_PER_EPOCH)
    return { error: "TooManyUnrevealedCommits" };
  commits.push([hotkey, height, commit, revealRound]);
  state.set(SUBTENSOR.timelockedWeightCommits, [index, epoch], commits);
  setLastUpdate(state, index, uid, height);
  const hash = digest(commit);
  return {
    events: [
      { kind: "TimelockedWeightsCommitted", fields: { 0: hotkey, 1: index, 2: hash, 3: revealRound } },
    ],
  };
}

/** The signer becomes the coldkey of a hotkey that has none, and pays the price of registration, which stays the same here. */
function register(
  state: ChainState,
  netuid: number,
  hotkey: AccountHex,
  coldkey: AccountHex,
  height: number,
): Outcome {
  if (netuid === ROOT_NETUID) return { error: "RegistrationNotPermittedOnRootSubnet" };
  const chosen = chooseUid(state, netuid, hotkey, height);
  if ("error" in chosen) return chosen;
  if (isOwned(state, hotkey) && state.read(SUBTENSOR.owner, hotkey) !== coldkey)
    return { error: "NonAssociatedColdKey" };
  const price = state.read(SUBTENSOR.burn, netuid);
  const free = freeBalance(state, coldkey);
  if (free < price) return { error: "NotEnoughBalanceToStake" };
  if (price > 0n) setFreeBalance(state, coldkey, free - price);
  placeNeuron(state, netuid, chosen.uid, { hotkey, coldkey, validatorPermit: false }, height);
  return { events: [{ kind: "NeuronRegistered", fields: { 0: netuid, 1: chosen.uid, 2: hotkey } }] };
}
