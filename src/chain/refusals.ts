/**
 * Every way in which the chain says no to a weights or serve extrinsic, as one sentence with a next step. Matched by
 * name, for indexes move between runtimes (common/src/transaction_error.rs, pallets/subtensor/src/macros/errors.rs).
 */
import type { ApiPromise } from "@polkadot/api";
import type { DispatchError } from "@polkadot/types/interfaces";
import type { RetryPolicy } from "../base/error.ts";
import { type ChainCode, type ChainFailure, chainFailure } from "./errors.ts";

export interface Refusal {
  code: ChainCode;
  message: string;
  hint?: string;
  retry: RetryPolicy;
  /** Worth one more attempt at once, with everything read anew. */
  again?: boolean;
}

const NOT_REGISTERED: Refusal = {
  code: "chain.not-registered",
  message: "the hotkey is not registered on this subnet",
  hint: "Register it with `btcli subnet register`, or check --netuid and --wallet.hotkey.",
  retry: "no",
};
const TOO_FAST: Refusal = {
  code: "chain.rate-limited",
  message: "the last weights were set too recently",
  retry: "soon",
};
const STAKE_TOO_LOW: Refusal = {
  code: "chain.stake-too-low",
  message: "the hotkey has less stake than this chain asks of a validator",
  hint: "Stake more TAO on the hotkey.",
  retry: "next-window",
};
const SWITCHED_OFF: Refusal = {
  code: "chain.dispatch-refused",
  message: "this call is switched off on the chain at present",
  retry: "next-window",
};
const BAD_WEIGHTS = (message: string): Refusal => ({
  code: "chain.bad-weights",
  message,
  retry: "next-window",
});
const BAD_REVEAL_ROUND: Refusal = {
  code: "chain.clock-wrong",
  message: "the chain already holds the beacon round that the weights were locked to",
  hint: "Check this machine's clock (timedatectl).",
  retry: "soon",
  again: true,
};

/** What the calls of a validator can end with. */
export const BY_NAME: Readonly<Record<string, Refusal>> = {
  HotKeyNotRegisteredInSubNet: NOT_REGISTERED,
  HotKeyNotRegisteredInNetwork: NOT_REGISTERED,
  NotEnoughStakeToSetWeights: STAKE_TOO_LOW,
  NeuronNoValidatorPermit: {
    code: "chain.no-permit",
    message: "the hotkey has no validator permit on this subnet",
    hint: "Permits go to the hotkeys with the most stake once per epoch; stake more, or wait an epoch.",
    retry: "next-window",
  },
  IncorrectWeightVersionKey: {
    code: "chain.version-too-old",
    message: "the subnet asks for a newer version key of weights",
    hint: "Update openvalidator, or set --neuron.version_key if the owner says so.",
    retry: "no",
  },
  SettingWeightsTooFast: TOO_FAST,
  CommittingWeightsTooFast: TOO_FAST,
  TooManyUnrevealedCommits: {
    code: "chain.too-many-commits",
    message: "ten commits of this hotkey already wait for their reveal",
    hint: "Only one validator may run with a hotkey.",
    retry: "next-window",
  },
  CommitRevealEnabled: {
    code: "chain.path-changed",
    message: "the subnet has just turned commit-reveal on",
    retry: "soon",
    again: true,
  },
  CommitRevealDisabled: {
    code: "chain.path-changed",
    message: "the subnet has just turned commit-reveal off",
    retry: "soon",
    again: true,
  },
  IncorrectCommitRevealVersion: {
    code: "chain.path-changed",
    message: "the chain has just changed its version of commit-reveal",
    hint: "If this repeats, update openvalidator.",
    retry: "soon",
    again: true,
  },
  InvalidRevealRound: BAD_REVEAL_ROUND,
  CanNotSetRootNetworkWeights: {
    code: "chain.bad-weights",
    message: "weights cannot be set on the root network",
    hint: "Check --netuid.",
    retry: "no",
  },
  WeightVecNotEqualSize: BAD_WEIGHTS("the numbers of uids and weights differ"),
  InputLengthsUnequal: BAD_WEIGHTS("the numbers of uids and weights differ"),
  UidsLengthExceedUidsInSubNet: BAD_WEIGHTS("there are more weights than neurons"),
  DuplicateUids: BAD_WEIGHTS("a uid occurs twice"),
  UidVecContainInvalidOne: BAD_WEIGHTS("a uid does not exist on this subnet"),
  WeightVecLengthIsLow: BAD_WEIGHTS("there are fewer weights than this subnet asks for"),
  MaxWeightExceeded: BAD_WEIGHTS("one weight is a larger share than this subnet allows"),
  MechanismDoesNotExist: {
    code: "chain.unknown-mechanism",
    message: "the subnet has no such mechanism",
    hint: "Check --neuron.mecid; the subnet's owner can change their number.",
    retry: "next-window",
  },
  SubnetNotExists: {
    code: "chain.unknown-subnet",
    message: "there is no such subnet",
    hint: "Check --netuid.",
    retry: "no",
  },
  NoWeightsCommitFound: BAD_WEIGHTS("the chain has no commit to reveal"),
  RevealTooEarly: BAD_WEIGHTS("the commit may not be revealed yet"),
  ExpiredWeightCommit: BAD_WEIGHTS("the commit has expired"),
  InvalidRevealCommitHashNotMatch: BAD_WEIGHTS("the revealed weights are not those of the commit"),
  InvalidIpType: {
    code: "chain.serve-refused",
    message: "the announced address is neither IPv4 nor IPv6",
    retry: "no",
  },
  InvalidIpAddress: {
    code: "chain.serve-refused",
    message: "the chain does not take the announced address",
    hint: "Give a public one with --axon.external_ip.",
    retry: "no",
  },
  InvalidPort: {
    code: "chain.serve-refused",
    message: "the announced port is 0",
    hint: "Set --axon.external_port.",
    retry: "no",
  },
  ServingRateLimitExceeded: {
    code: "chain.rate-limited",
    message: "the address was announced too recently",
    retry: "soon",
  },
  ColdkeySwapAnnounced: {
    code: "chain.key-disputed",
    message: "the coldkey of this hotkey is about to be swapped",
    hint: "Finish the swap first.",
    retry: "no",
  },
  ColdkeySwapDisputed: {
    code: "chain.key-disputed",
    message: "the swap of this hotkey's coldkey is disputed",
    hint: "Settle the dispute first.",
    retry: "no",
  },
  CallFiltered: {
    code: "chain.path-changed",
    message: "the chain does not take this call at present (safe mode, or a filter)",
    retry: "next-window",
    again: true,
  },
  CallDisabled: SWITCHED_OFF,
  DisabledTemporarily: SWITCHED_OFF,
  Deprecated: {
    code: "chain.version-too-old",
    message: "the chain has given this call up",
    hint: "Update openvalidator.",
    retry: "next-window",
  },
};

export interface RefusalData {
  /** The chain's own name or number of the error. */
  reason: string;
  /** Worth one more attempt at once. */
  again: boolean;
}

/** For an extrinsic that is in a block but failed there. */
export function dispatchFailure(api: ApiPromise, error: DispatchError): ChainFailure {
  // An error of no pallet has a kind, and some kinds a detail.
  const name = error.isModule
    ? api.registry.findMetaError(error.asModule).name
    : error.isToken || error.isArithmetic || error.isTransactional
      ? String(error.inner)
      : error.type;
  return failureOf(refusalNamed(name), name);
}

/** One sentence for every name, also for errors of calls that a validator never makes and for those of runtimes to come. */
export function refusalNamed(name: string): Refusal {
  const known = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  return (
    known ?? {
      code: "chain.dispatch-refused",
      message: `the chain refused the extrinsic: ${inWords(name)} (${name})`,
      hint: "No call of a validator should end so; if it repeats, update openvalidator.",
      retry: "next-window",
    }
  );
}

/** The words of a name such as NotEnoughStake, shortened where a chain makes it long. */
export function inWords(name: string): string {
  return name
    .slice(0, 80)
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

export function failureOf({ again = false, ...refusal }: Refusal, reason: string): ChainFailure {
  const data: RefusalData = { reason, again };
  return chainFailure(refusal.code, {
    message: refusal.message,
    ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
    data,
    retry: refusal.retry,
  });
}
