import type { ApiPromise } from "@polkadot/api";
import { type Hotkey, type Netuid, RAO_PER_TAO, U16_MAX, type Uid } from "../base/units.ts";
import { chainFailure } from "./errors.ts";
import {
  commitRevealItem,
  holderItem,
  lastUpdateItem,
  type MechanismPlace,
  ownerItem,
  stakeThresholdItem,
  uidItem,
} from "./items.ts";
import { readShares, unknownMechanism } from "./mechanism.ts";
import { decodeMetagraph, METAGRAPH_INDEXES } from "./metagraph.ts";
import {
  bigintOf,
  booleansOf,
  hasStorage,
  numberItem,
  readStorage,
  subtensorItem,
  textOf,
} from "./storage.ts";

export interface Weights extends MechanismPlace {
  uids: readonly number[];
  /** u16, one per uid. */
  values: readonly number[];
  versionKey: number;
}

/** What the chain will judge the weights by, at block `head`. */
export interface SubmissionState {
  head: number;
  uid: Uid;
  /** 0 = never. */
  lastUpdate: number;
  commitReveal: boolean;
}

/**
 * Makes every check of the chain's internal_set_weights (pallets/subtensor/src/subnets/weights.rs:748-853) in its
 * order before anything is sent: a timelocked commit with bad weights is dropped without a word when it is revealed.
 * @throws Failure with the reason; `chain.rate-limited` holds `retryInBlocks`
 */
export async function checkSubmission(
  api: ApiPromise,
  hotkey: Hotkey,
  weights: Weights,
): Promise<SubmissionState> {
  const { netuid, mecid = 0 } = weights;
  const header = await api.rpc.chain.getHeader();
  const blockHash = header.hash.toHex();
  const head = header.number.toNumber();
  checkShape(weights);
  if (mecid > 0) {
    const { length } = await readShares(api, blockHash, netuid);
    if (mecid >= length) throw unknownMechanism(netuid, mecid, length);
  }
  const { neurons, uid } = await readStorage(api, blockHash, {
    neurons: numberItem("subnetworkN", netuid),
    uid: uidItem(netuid, hotkey),
  });
  if (uid === null) throw notRegistered(hotkey, netuid, "it has no uid");
  // Only newer chains have these.
  const mode = subtensorItem("subnetEpochConsensus", [netuid], textOf);
  const stakeThreshold = stakeThresholdItem();
  const state = await readStorage(api, blockHash, {
    holder: holderItem(netuid, uid),
    owner: ownerItem(netuid),
    ...(hasStorage(api, mode.name) && { mode }),
    ...(hasStorage(api, stakeThreshold.name) && { stakeThreshold }),
    versionKey: subtensorItem("weightsVersionKey", [netuid], bigintOf),
    rateLimit: numberItem("weightsSetRateLimit", netuid),
    lastUpdates: lastUpdateItem(weights),
    permits: subtensorItem("validatorPermit", [netuid], booleansOf),
    minAllowedWeights: numberItem("minAllowedWeights", netuid),
    commitReveal: commitRevealItem(netuid),
  });
  if (state.holder !== hotkey)
    throw notRegistered(hotkey, netuid, `uid ${uid} belongs to another hotkey now`);
  if (state.stakeThreshold !== undefined && state.stakeThreshold > 0n)
    await checkStake(api, netuid, uid, state.stakeThreshold);
  if (state.versionKey > BigInt(weights.versionKey))
    throw chainFailure("chain.version-too-old", {
      message: `the subnet asks for version key ${state.versionKey} of weights, ours is ${weights.versionKey}`,
      hint: "Update openvalidator, or set --neuron.version_key if the owner says so.",
    });
  const lastUpdate = state.lastUpdates[uid] ?? 0;
  checkRate(lastUpdate, state.rateLimit, head);
  const isOwnWeight = weights.uids.length === 1 && weights.uids[0] === uid;
  // A subnet without consensus grants its owner and weights for oneself nothing.
  const isExempt = state.mode !== "Null" && (state.owner === hotkey || isOwnWeight);
  if (!state.permits[uid] && !isExempt)
    throw chainFailure("chain.no-permit", {
      message: `the hotkey has no validator permit on netuid ${netuid}`,
      hint: "Permits go to the hotkeys with the most stake once per epoch; stake more, or wait an epoch.",
      retry: "next-window",
    });
  checkUids(weights, neurons, isOwnWeight ? 1 : Math.min(neurons, state.minAllowedWeights));
  return { head, uid, lastUpdate, commitReveal: state.commitReveal };
}

/** The chain compares at the block that takes the extrinsic, which is the next one at the earliest. */
function checkRate(lastUpdate: number, rateLimit: number, head: number): void {
  const blocksLeft = lastUpdate === 0 ? 0 : lastUpdate + rateLimit - (head + 1);
  if (blocksLeft <= 0) return;
  throw chainFailure("chain.rate-limited", {
    message: `the last weights were set in block ${lastUpdate}; the chain takes new ones in ${blocksLeft} blocks`,
    retry: "soon",
    retryInBlocks: blocksLeft,
  });
}

async function checkStake(api: ApiPromise, netuid: Netuid, uid: Uid, thresholdRao: bigint): Promise<void> {
  const answer = await api.call.subnetInfoRuntimeApi?.getSelectiveMetagraph?.(netuid, METAGRAPH_INDEXES);
  // Without the call there is nothing to compare with; the chain itself will say so.
  if (answer === undefined || answer.isEmpty) return;
  const stakeTao = decodeMetagraph(answer, netuid).stakeTao[uid] ?? 0;
  const thresholdTao = Number(thresholdRao) / RAO_PER_TAO;
  if (stakeTao >= thresholdTao) return;
  throw chainFailure("chain.stake-too-low", {
    message: `the hotkey has a stake of ${stakeTao.toFixed(1)} TAO; this chain asks validators for ${thresholdTao}`,
    hint: "Stake more TAO on the hotkey.",
    retry: "next-window",
  });
}

function checkShape({ uids, values, versionKey }: Weights): void {
  const bad = (message: string) => chainFailure("chain.bad-weights", { message, retry: "next-window" });
  if (uids.length === 0) throw bad("there are no weights to set");
  if (uids.length !== values.length) throw bad(`there are ${uids.length} uids but ${values.length} weights`);
  if (![...uids, ...values].every((value) => Number.isInteger(value) && value >= 0 && value <= U16_MAX))
    throw bad("a uid or a weight is no integer from 0 to 65535");
  if (values.every((value) => value === 0)) throw bad("every weight is zero");
  if (!Number.isSafeInteger(versionKey) || versionKey < 0) throw bad("the version key is no integer from 0");
}

function checkUids({ uids, netuid }: Weights, neurons: number, least: number): void {
  const bad = (message: string) => chainFailure("chain.bad-weights", { message, retry: "next-window" });
  const outside = uids.find((uid) => uid >= neurons);
  if (outside !== undefined)
    throw bad(`uid ${outside} does not exist: netuid ${netuid} has ${neurons} neurons`);
  if (new Set(uids).size !== uids.length) throw bad("a uid occurs twice");
  if (uids.length < least) throw bad(`there are ${uids.length} weights; netuid ${netuid} asks for ${least}`);
}

function notRegistered(hotkey: Hotkey, netuid: Netuid, reason: string): Error {
  return chainFailure("chain.not-registered", {
    message: `the hotkey ${hotkey} is not registered on netuid ${netuid}: ${reason}`,
    hint: "Register it with `btcli subnet register`, or check --netuid and --wallet.hotkey.",
  });
}
