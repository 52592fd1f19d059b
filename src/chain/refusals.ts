/**
 * Every way in which the chain says no to a weights or serve extrinsic, as one sentence with a next step. Matched by
 * name, for indexes move between runtimes (common/src/transaction_error.rs, pallets/subtensor/src/macros/errors.rs).
 */
import type { ApiPromise } from "@polkadot/api";
import type { DispatchError } from "@polkadot/types/interfaces";
import { messageOf, type RetryPolicy } from "../base/error.ts";
import { type ChainCode, type ChainFailure, chainFailure } from "./errors.ts";

interface Refusal {
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

const BY_NAME: Record<string, Refusal> = {
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
  CallDisabled: {
    code: "chain.dispatch-refused",
    message: "this call is switched off on the chain at present",
    retry: "next-window",
  },
};

/** `Custom error: N` of the transaction pool, by the name of the dispatch error that it stands for. */
const POOL_CUSTOM: Readonly<Record<number, string>> = {
  0: "ColdkeySwapAnnounced",
  1: "NotEnoughStakeToSetWeights",
  3: "SubnetNotExists",
  6: "SettingWeightsTooFast",
  10: "HotKeyNotRegisteredInNetwork",
  11: "InvalidIpAddress",
  12: "ServingRateLimitExceeded",
  13: "InvalidPort",
  15: "InvalidRevealRound",
  16: "NoWeightsCommitFound",
  17: "RevealTooEarly",
  18: "InputLengthsUnequal",
  19: "HotKeyNotRegisteredInSubNet",
  21: "ColdkeySwapDisputed",
};

/** Since when these numbers hold: before, each call had its own (common/src/transaction_error.rs, early 2025). */
const POOL_CUSTOM_SINCE_SPEC = 260;
/** Numbers from here on differ between the runtimes that are out there. */
const POOL_CUSTOM_UNSURE = 25;
const BAD_REQUEST = 255;

/** The transaction pool's own reasons (sc-transaction-pool, sp-runtime transaction_validity). */
const POOL_STANDARD: [pattern: RegExp, refusal: Omit<Refusal, "code">][] = [
  [
    /outdated|stale/i,
    { message: "the nonce of this hotkey was used by another transaction", retry: "soon", again: true },
  ],
  [
    /bad signature|badproof/i,
    { message: "the chain was upgraded while the transaction was signed", retry: "soon", again: true },
  ],
  [
    /ancient birth block/i,
    { message: "the transaction grew too old to be taken", retry: "soon", again: true },
  ],
  [
    /inability to pay/i,
    {
      message: "the chain wants a fee for a call that should be free",
      hint: "The runtime of this chain is newer than this program; update openvalidator.",
      retry: "no",
    },
  ],
  [
    /1012|temporarily banned/i,
    { message: "the node has banned this transaction for half an hour", retry: "next-window" },
  ],
  [/1013|already imported/i, { message: "the node already has this transaction", retry: "soon" }],
  [
    /1014|priority is too low/i,
    {
      message: "another transaction of this hotkey is waiting",
      hint: "Only one validator may run with a hotkey.",
      retry: "soon",
    },
  ],
  [/1016|immediately dropped/i, { message: "the transaction pool of the node is full", retry: "soon" }],
  [/future/i, { message: "the nonce is ahead of what the node knows", retry: "soon" }],
  [/exhausts? .*resources/i, { message: "the block is full", retry: "soon" }],
];

export interface RefusalData {
  /** The chain's own name or number of the error. */
  reason: string;
  /** Worth one more attempt at once. */
  again: boolean;
}

/** For an extrinsic that is in a block but failed there. */
export function dispatchFailure(api: ApiPromise, error: DispatchError): ChainFailure {
  const name = error.isModule ? api.registry.findMetaError(error.asModule).name : error.toString();
  return failureOf(
    BY_NAME[name] ?? {
      code: "chain.dispatch-refused",
      message: `the chain refused the extrinsic with ${name}`,
      retry: "next-window",
    },
    name,
  );
}

/**
 * For an extrinsic that the node did not take; null when the error is not the pool's.
 * @param specVersion of the runtime that refused: numbers mean what they mean there
 */
export function poolFailure(error: unknown, specVersion: number): ChainFailure | null {
  const text = describeRpcError(error);
  if (!/^(10[01]\d|1010)\b|Invalid Transaction|Transaction/i.test(text)) return null;
  const custom = /custom error: (\d+)/i.exec(text);
  if (custom) {
    const number = Number(custom[1]);
    const isKnown = specVersion >= POOL_CUSTOM_SINCE_SPEC && number < POOL_CUSTOM_UNSURE;
    const known = isKnown ? BY_NAME[POOL_CUSTOM[number] ?? ""] : undefined;
    const reason = `Custom error: ${number}`;
    if (known) return failureOf(known, reason);
    return failureOf(
      {
        code: "chain.pool-refused",
        message: `the node refused the extrinsic with custom error ${number}`,
        hint:
          number === BAD_REQUEST
            ? "The chain gives no reason for it; see the debug log for the whole call."
            : `This program does not know what the number means in runtime ${specVersion}; if it repeats, update openvalidator.`,
        retry: "next-window",
      },
      reason,
    );
  }
  const standard = POOL_STANDARD.find(([pattern]) => pattern.test(text))?.[1];
  return failureOf(
    {
      code: "chain.pool-refused",
      retry: "soon",
      ...(standard ?? { message: `the node refused the extrinsic: ${text}` }),
    },
    text,
  );
}

function failureOf({ again = false, ...refusal }: Refusal, reason: string): ChainFailure {
  const data: RefusalData = { reason, again };
  return chainFailure(refusal.code, {
    message: refusal.message,
    ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
    data,
    retry: refusal.retry,
  });
}

/** Code, message and data of a JSON-RPC error on one line, without the request that the library appends. */
function describeRpcError(error: unknown): string {
  const { code, data } = (error ?? {}) as { code?: unknown; data?: unknown };
  const message = messageOf(error).split("\n")[0]!;
  const parts = [
    typeof code === "number" && !message.startsWith(String(code)) ? `${code}: ${message}` : message,
    typeof data === "string" && !message.includes(data) ? data : "",
  ];
  return parts
    .filter((part) => part !== "")
    .join(": ")
    .slice(0, 300);
}
