import { encode, struct, u16, u64, vec } from "./codec.ts";
import { digest } from "./header.ts";
import { hasMechanism, setLastUpdate, storageIndex, uidOf } from "./neurons.ts";
import type { Outcome } from "./outcome.ts";
import { epochOf } from "./schedule.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import { type AccountHex, AccountId, type HashHex } from "./types.ts";
import { applyWeights, isWithinRateLimit } from "./weights.ts";

/** Weights with the salt that their commit hid them by. */
export interface Revealed {
  netuid: number;
  mecid: number;
  uids: number[];
  values: number[];
  salt: number[];
  versionKey: bigint;
}

const MOST_COMMITS = 10;
const Hashed = struct("", {
  account: AccountId,
  index: u16,
  uids: vec(u16),
  values: vec(u16),
  salt: vec(u16),
  versionKey: u64,
});

/** The commit of weights before timelocks, which runtimes still take; the order of checks is do_commit_weights'. */
export function commitSalted(
  state: ChainState,
  signer: AccountHex,
  { netuid, mecid, commitHash }: { netuid: number; mecid: number; commitHash: HashHex },
  height: number,
): Outcome {
  if (!hasMechanism(state, netuid, mecid)) return { error: "MechanismDoesNotExist" };
  if (!state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return { error: "CommitRevealDisabled" };
  const uid = uidOf(state, netuid, signer);
  if (uid === null) return { error: "HotKeyNotRegisteredInSubNet" };
  if (!isWithinRateLimit(state, netuid, mecid, uid, height)) return { error: "CommittingWeightsTooFast" };
  const index = storageIndex(netuid, mecid);
  const epoch = epochOf(state, netuid, height);
  const { alive } = commitsOf(state, index, netuid, signer, epoch);
  if (alive.length >= MOST_COMMITS) return { error: "TooManyUnrevealedCommits" };
  state.set(SUBTENSOR.weightCommits, [index, signer], [...alive, [commitHash, epoch, height, 0]]);
  setLastUpdate(state, index, uid, height);
  return { events: [{ kind: "WeightsCommitted", fields: { 0: signer, 1: index, 2: commitHash } }] };
}

/** Shows the weights of a commit, in the epoch that is a reveal period after it. Commits before it are forgotten. */
export function revealSalted(
  state: ChainState,
  signer: AccountHex,
  revealed: Revealed,
  height: number,
): Outcome {
  const { netuid, mecid, uids, values, versionKey } = revealed;
  if (!hasMechanism(state, netuid, mecid)) return { error: "MechanismDoesNotExist" };
  if (!state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return { error: "CommitRevealDisabled" };
  const index = storageIndex(netuid, mecid);
  const epoch = epochOf(state, netuid, height);
  const { alive, expired } = commitsOf(state, index, netuid, signer, epoch);
  const hash = digest(encode(Hashed, { account: signer, index, ...revealed }));
  const place = alive.findIndex(([committed]) => committed === hash);
  if (place < 0) {
    if (expired.some(([committed]) => committed === hash)) return { error: "ExpiredWeightCommit" };
    return { error: alive.length === 0 ? "NoWeightsCommitFound" : "InvalidRevealCommitHashNotMatch" };
  }
  if (epoch !== alive[place]![1] + state.read(SUBTENSOR.revealPeriodEpochs, netuid))
    return { error: "RevealTooEarly" };
  const outcome = applyWeights(state, signer, { netuid, mecid, uids, values, versionKey }, height);
  if ("error" in outcome) return outcome;
  const left = alive.slice(place + 1);
  if (left.length > 0) state.set(SUBTENSOR.weightCommits, [index, signer], left);
  else state.remove(SUBTENSOR.weightCommits, index, signer);
  return {
    events: [...outcome.events, { kind: "WeightsRevealed", fields: { 0: signer, 1: index, 2: hash } }],
  };
}

/** Commits by whether their epoch of reveal is still to come. */
function commitsOf(state: ChainState, index: number, netuid: number, signer: AccountHex, epoch: number) {
  const period = state.read(SUBTENSOR.revealPeriodEpochs, netuid);
  const commits = state.get(SUBTENSOR.weightCommits, index, signer) ?? [];
  return {
    alive: commits.filter(([, committed]) => committed + period >= epoch),
    expired: commits.filter(([, committed]) => committed + period < epoch),
  };
}
