import type { ExtrinsicKind } from "../base/vocabulary.ts";
import { walletFailure } from "./errors.ts";

/** Requests to miners, by the protocol whose header carries the signature. */
type RequestKind = "dendrite" | "btauth" | "epistula";
export type TextKind = RequestKind | "run-id";
/** THE list of what the hotkey of a validator signs; bytes of no kind are refused. */
export type PayloadKind = TextKind | ExtrinsicKind;

/** A signature over anybody's address but our own would be a lie that nobody has a use for. */
const SENDER = "(?<sender>[1-9A-HJ-NP-Za-km-z]{46,50})";
const ADDRESS = "[1-9A-HJ-NP-Za-km-z]{46,50}";
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** Texts that are signed, whole. None of them is a beginning or a part of an extrinsic: those are no text at all. */
const TEXTS: Readonly<Record<TextKind, RegExp>> = {
  /** `{nonce}.{dendrite hotkey}.{axon hotkey}.{uuid}.{body hash}` of bittensor's dendrite. */
  dendrite: RegExp(`^\\d{1,20}\\.${SENDER}\\.${ADDRESS}\\.${UUID}\\.[0-9a-f]{64}$`),
  /** The eight lines of btauth/1: name, scheme, method, target, body hash, nonce, sender, receiver. */
  btauth: RegExp(
    `^btauth/1\\n(?:sr25519|ed25519)\\n[A-Z]{3,7}\\n/[!-~]*\\n[0-9a-f]{64}\\n\\d{1,20}\\n${SENDER}\\n(?:-|${ADDRESS})$`,
  ),
  /** `{body hash}.{uuid}.{unix milliseconds}.{receiver or nothing}` of Epistula v2; its sender stands in a header. */
  epistula: RegExp(`^[0-9a-f]{64}\\.${UUID}\\.\\d{13}\\.(?:${ADDRESS})?$`),
  /** As W&B's clients make it; far shorter than any extrinsic. */
  "run-id": /^[0-9a-z]{8}$/,
};

/** Index of the SubtensorModule pallet on every subtensor network (runtime/src/lib.rs construct_runtime). */
const SUBTENSOR_PALLET = 7;
/** Era, nonce, tip, mode, spec version, transaction version, genesis hash, block hash: nothing is shorter. */
const MIN_TAIL_BYTES = 1 + 1 + 1 + 4 + 4 + 32 + 32;

type Part = "u8" | "u16" | "u32" | "u64" | "u128" | "bytes" | "u16[]";
const PART_BYTES: Record<Exclude<Part, "bytes" | "u16[]">, number> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  u128: 16,
};

/**
 * Call index and arguments of what may be signed. The table is the wallet's own (pallets/subtensor/src/macros/
 * dispatches.rs, where indexes are fixed by attribute) and not read from the node: metadata of a hostile node could
 * call a transfer `set_weights`.
 */
const CALLS: Readonly<Record<ExtrinsicKind, Readonly<Record<number, readonly Part[]>>>> = {
  "serve-axon": { 4: ["u16", "u32", "u128", "u16", "u8", "u8", "u8", "u8"] },
  "set-weights": { 0: ["u16", "u16[]", "u16[]", "u64"], 119: ["u16", "u8", "u16[]", "u16[]", "u64"] },
  "commit-weights": { 113: ["u16", "bytes", "u64", "u16"], 118: ["u16", "u8", "bytes", "u64", "u16"] },
};

/** The kind of a text, whoever sends it; undefined where it is of none. */
export function kindOfText(text: string): TextKind | undefined {
  return (Object.keys(TEXTS) as TextKind[]).find((kind) => TEXTS[kind].test(text));
}

/**
 * @param hotkey whose signature is asked for
 * @throws Failure `wallet.refused-payload` unless the text is a request to a miner that names no other sender
 */
export function assertRequest(text: string, hotkey: string): void {
  const kind = kindOfText(text);
  if (kind === undefined || kind === "run-id")
    throw walletFailure("wallet.refused-payload", {
      message: "the hotkey does not sign a text that is no request to a miner",
    });
  if ((TEXTS[kind].exec(text)?.groups?.sender ?? hotkey) !== hotkey)
    throw walletFailure("wallet.refused-payload", {
      message: "the hotkey does not sign a request to a miner in the name of another hotkey",
    });
}

/** @throws Failure `wallet.refused-payload` */
export function assertRunId(text: string): void {
  if (kindOfText(text) !== "run-id")
    throw walletFailure("wallet.refused-payload", {
      message: "the hotkey does not sign a text that is no id of a W&B run",
    });
}

/** @throws Failure `wallet.refused-payload` unless the payload's call is one that its kind sends */
export function assertCall(kind: ExtrinsicKind, payload: Uint8Array): void {
  const parts = payload[0] === SUBTENSOR_PALLET ? CALLS[kind][payload[1] ?? -1] : undefined;
  const end = parts?.reduce((at, part) => (at < 0 ? at : endOf(part, payload, at)), 2) ?? -1;
  if (end < 0 || payload.length - end < MIN_TAIL_BYTES)
    throw walletFailure("wallet.refused-payload", {
      message: `the hotkey does not sign this as ${kind}: call ${payload[0]}.${payload[1]} is not what that kind sends`,
      hint: "The chain changed its calls, or the endpoint is not a subtensor node; look for a newer openvalidator.",
      data: { kind, pallet: payload[0], call: payload[1] },
    });
}

/** Where an argument that starts at `at` ends; -1 when its length cannot be read. */
function endOf(part: Part, bytes: Uint8Array, at: number): number {
  if (part !== "bytes" && part !== "u16[]") return at + PART_BYTES[part];
  const first = bytes[at];
  if (first === undefined) return -1;
  // SCALE compact: the two low bits give the width; a length never needs the widest form.
  const width = [1, 2, 4][first & 3];
  if (width === undefined || at + width > bytes.length) return -1;
  let length = 0;
  for (let index = width - 1; index >= 0; index--) length = length * 256 + bytes[at + index]!;
  length = Math.floor(length / 4);
  return at + width + length * (part === "bytes" ? 1 : 2);
}
