/** Every way in which the transaction pool of a node says no to an extrinsic, as one sentence with a next step. */
import { firstLineOf } from "../base/error.ts";
import type { ChainFailure } from "./errors.ts";
import { failureOf, inWords, type Refusal, refusalNamed } from "./refusals.ts";

/** `Custom error: N` of the transaction pool, by the name of the dispatch error that it stands for. */
const DISPATCH_NAMES: Readonly<Record<number, string>> = {
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

/** Numbers of calls that a validator does not make, by their names there. */
const OTHER_NAMES: Readonly<Record<number, string>> = {
  2: "BalanceTooLow",
  4: "HotkeyAccountDoesntExist",
  5: "NotEnoughStakeToWithdraw",
  7: "InsufficientLiquidity",
  8: "SlippageTooHigh",
  9: "TransferDisallowed",
  14: "ZeroMaxAmount",
  20: "EvmKeyAssociateRateLimitExceeded",
  22: "InvalidRealAccount",
  23: "FailedShieldedTxParsing",
  24: "InvalidShieldedTxPubKeyHash",
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
    /^1012\b|temporarily banned/i,
    // The next one is signed for another block, which makes it another one.
    { message: "the node has banned this transaction for half an hour", retry: "soon" },
  ],
  [/^1013\b|already imported/i, { message: "the node already has this transaction", retry: "soon" }],
  [
    /^1014\b|priority is too low/i,
    {
      message: "another transaction of this hotkey is waiting",
      hint: "Only one validator may run with a hotkey.",
      retry: "soon",
    },
  ],
  [/^1016\b|immediately dropped/i, { message: "the transaction pool of the node is full", retry: "soon" }],
  [/future/i, { message: "the nonce is ahead of what the node knows", retry: "soon" }],
  [/exhausts?\b/i, { message: "the block is full", retry: "soon" }],
  [
    /call is not expected/i,
    {
      message: "the chain does not expect this call now (a filter of its transaction extensions)",
      retry: "next-window",
    },
  ],
  [
    /invalid signing address|did not authorize any origin/i,
    {
      message: "the chain does not take this hotkey for a signer",
      hint: "Check --wallet.hotkey and --subtensor.network.",
      retry: "next-window",
    },
  ],
  [
    /could not lookup|implicit data was unable/i,
    { message: "the node lacks what it needs to judge the transaction", retry: "soon" },
  ],
  [
    /^100[12]\b|bad format|verification error/i,
    {
      message: "the node cannot read the transaction",
      hint: "Its runtime is of another form than this program knows; update openvalidator.",
      retry: "next-window",
    },
  ],
  [
    /^101[58]\b|cycle|unactionable/i,
    { message: "the node's pool cannot do anything with the transaction", retry: "soon" },
  ],
];

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
    const reason = `Custom error: ${number}`;
    const known = isKnown ? DISPATCH_NAMES[number] : undefined;
    if (known !== undefined) return failureOf(refusalNamed(known), reason);
    const other = isKnown ? OTHER_NAMES[number] : undefined;
    return failureOf(
      {
        code: "chain.pool-refused",
        message: `the node refused the extrinsic with custom error ${number}${other === undefined ? "" : `: ${inWords(other)}`}`,
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

/** Code, message and data of a JSON-RPC error on one line, without the request that the library appends. */
function describeRpcError(error: unknown): string {
  const { code, data } = (error ?? {}) as { code?: unknown; data?: unknown };
  const message = firstLineOf(error);
  const parts = [
    typeof code === "number" && !message.startsWith(String(code)) ? `${code}: ${message}` : message,
    typeof data === "string" && !message.includes(data) ? data : "",
  ];
  return parts
    .filter((part) => part !== "")
    .join(": ")
    .slice(0, 300);
}
