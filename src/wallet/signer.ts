import { blake2b } from "@noble/hashes/blake2.js";
import type { Hotkey } from "../base/units.ts";
import type { ExtrinsicKind } from "../base/vocabulary.ts";
import { signerOf } from "./keypair.ts";
import { assertCall, assertRequest, assertRunId } from "./payloads.ts";
import type { CryptoType, KeySecret } from "./secret.ts";

/**
 * The only holder of the hotkey's secret in a validator. It signs what is of a `PayloadKind`, checked for its shape; there is no way to have other bytes signed.
 */
export interface HotkeySigner {
  readonly hotkey: Hotkey;
  readonly publicKey: Uint8Array;
  readonly cryptoType: CryptoType;
  /**
   * @param message a dendrite message, a btauth/1 request or the message of Epistula v2, in the name of this hotkey
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

/** Substrate signs the blake2b-256 hash of a longer payload. */
const MAX_UNHASHED_BYTES = 256;
/** Variants of MultiSignature. */
const SCHEME_BYTE: Record<CryptoType, number> = { ed25519: 0, sr25519: 1 };

/** Takes the key out of `secret`; from then on only the returned object can sign. */
export function createSigner(secret: KeySecret): HotkeySigner {
  const { address: hotkey, publicKey, cryptoType } = secret;
  const sign = signerOf({ cryptoType, publicKey, secretKey: secret.take() });
  return Object.freeze({
    hotkey,
    publicKey,
    cryptoType,
    signMinerRequest(message: string): Uint8Array {
      assertRequest(message, hotkey);
      return sign(new TextEncoder().encode(message));
    },
    signRunId(id: string): Uint8Array {
      assertRunId(id);
      return sign(new TextEncoder().encode(id));
    },
    signExtrinsic(kind: ExtrinsicKind, payload: Uint8Array): Uint8Array {
      assertCall(kind, payload);
      const toSign = payload.length > MAX_UNHASHED_BYTES ? blake2b(payload, { dkLen: 32 }) : payload;
      return Uint8Array.of(SCHEME_BYTE[cryptoType], ...sign(toSign));
    },
  });
}
