import { blake2b } from "@noble/hashes/blake2.js";
import { ed25519Sign, sr25519Sign } from "@polkadot/util-crypto";
import type { Hotkey } from "../base/units.ts";
import type { ExtrinsicKind } from "../base/vocabulary.ts";
import { walletFailure } from "./errors.ts";
import type { CryptoType, HotkeySecret } from "./secret.ts";

/**
 * The only holder of the hotkey's secret. It signs requests to miners, the three kinds of extrinsics that a validator
 * sends, and ids of W&B runs, each checked for its shape; there is no way to have other bytes signed.
 */
export interface HotkeySigner {
  readonly hotkey: Hotkey;
  readonly publicKey: Uint8Array;
  readonly cryptoType: CryptoType;
  /**
   * @param message a dendrite message or a btauth/1 request
   * @returns 64 bytes over the UTF-8 of the message, unwrapped
   * @throws Failure `wallet.refused-payload`
   */
  signMinerRequest(message: string): Uint8Array;
  /**
   * @param payload the extrinsic's signing payload before hashing: call, extra, additional
   * @returns a MultiSignature: one byte for the scheme, then 64
   * @throws Failure `wallet.refused-payload` unless the call is one of its kind
   */
  signExtrinsic(kind: ExtrinsicKind, payload: Uint8Array): Uint8Array;
  /**
   * Shows that a public run is this validator's.
   * @returns 64 bytes over the id alone, as validators in Python sign it
   * @throws Failure `wallet.refused-payload`
   */
  signRunId(id: string): Uint8Array;
}

/** As W&B's clients make it; far shorter than any extrinsic. */
const RUN_ID = /^[0-9a-z]{8}$/;

/** `{nonce}.{dendrite hotkey}.{axon hotkey}.{uuid}.{body hash}` of bittensor's dendrite. */
const DENDRITE_MESSAGE =
  /^\d{1,20}\.[1-9A-HJ-NP-Za-km-z]{46,50}\.[1-9A-HJ-NP-Za-km-z]{46,50}\.[0-9a-f-]{36}\.[0-9a-f]{64}$/;
/** The eight lines of btauth/1: name, scheme, method, target, body hash, nonce, sender, receiver. */
const BTAUTH_MESSAGE =
  /^btauth\/1\n(?:sr25519|ed25519)\n[A-Z]{3,7}\n\/[!-~]*\n[0-9a-f]{64}\n\d{1,20}\n[1-9A-HJ-NP-Za-km-z]{46,50}\n(?:-|[1-9A-HJ-NP-Za-km-z]{46,50})$/;

/** Substrate signs the blake2b-256 hash of a longer payload. */
const MAX_UNHASHED_BYTES = 256;
/** Variants of MultiSignature. */
const SCHEME_BYTE: Record<CryptoType, number> = { ed25519: 0, sr25519: 1 };

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
const ALLOWED: Record<ExtrinsicKind, Record<number, Part[]>> = {
  "serve-axon": { 4: ["u16", "u32", "u128", "u16", "u8", "u8", "u8", "u8"] },
  "set-weights": { 0: ["u16", "u16[]", "u16[]", "u64"], 119: ["u16", "u8", "u16[]", "u16[]", "u64"] },
  "commit-weights": { 113: ["u16", "bytes", "u64", "u16"], 118: ["u16", "u8", "bytes", "u64", "u16"] },
};

/** Takes the key out of `secret`; from then on only the returned object can sign. */
export function createSigner(secret: HotkeySecret): HotkeySigner {
  const { hotkey, publicKey, cryptoType } = secret;
  const pair = { publicKey, secretKey: secret.take() };
  const sign = (message: Uint8Array): Uint8Array =>
    cryptoType === "sr25519" ? sr25519Sign(message, pair) : ed25519Sign(message, pair);
  return Object.freeze({
    hotkey,
    publicKey,
    cryptoType,
    signMinerRequest(message: string): Uint8Array {
      if (!DENDRITE_MESSAGE.test(message) && !BTAUTH_MESSAGE.test(message))
        throw walletFailure("wallet.refused-payload", {
          message: "the hotkey does not sign a text that is no request to a miner",
        });
      return sign(new TextEncoder().encode(message));
    },
    signRunId(id: string): Uint8Array {
      if (!RUN_ID.test(id))
        throw walletFailure("wallet.refused-payload", {
          message: "the hotkey does not sign a text that is no id of a W&B run",
        });
      return sign(new TextEncoder().encode(id));
    },
    signExtrinsic(kind: ExtrinsicKind, payload: Uint8Array): Uint8Array {
      assertCall(kind, payload);
      const toSign = payload.length > MAX_UNHASHED_BYTES ? blake2b(payload, { dkLen: 32 }) : payload;
      return Uint8Array.of(SCHEME_BYTE[cryptoType], ...sign(toSign));
    },
  });
}

function assertCall(kind: ExtrinsicKind, payload: Uint8Array): void {
  const parts = payload[0] === SUBTENSOR_PALLET ? ALLOWED[kind][payload[1] ?? -1] : undefined;
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
