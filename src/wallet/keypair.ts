import { ed25519, ristretto255 } from "@noble/curves/ed25519.js";
import {
  cryptoWaitReady,
  decodeAddress,
  ed25519PairFromSeed,
  ed25519Sign,
  encodeAddress,
  mnemonicToMiniSecret,
  mnemonicValidate,
  sr25519PairFromSeed,
  sr25519Sign,
} from "@polkadot/util-crypto";
import { asHotkey, type Hotkey } from "../base/units.ts";
import { walletFailure } from "./errors.ts";
import type { CryptoType } from "./secret.ts";

/** Bittensor uses the generic Substrate prefix. */
const SS58_PREFIX = 42;
export const SEED_BYTES = 32;
export const PUBLIC_KEY_BYTES = 32;
/** schnorrkel's scalar and nonce. */
export const PRIVATE_KEY_BYTES = 64;
/** Half of a schnorrkel private key. */
const SCALAR_BYTES = 32;
/** schnorrkel's `to_ed25519_bytes` multiplies the scalar by the cofactor; @polkadot/util-crypto keeps that form. */
const COFACTOR = 8n;

export interface Keypair {
  cryptoType: CryptoType;
  publicKey: Uint8Array;
  /** As @polkadot/util-crypto signs with it, 64 bytes. */
  secretKey: Uint8Array;
}

/** What signs bytes as they are: 64 bytes, sr25519 with the context "substrate". */
export function signerOf({ cryptoType, ...pair }: Keypair): (message: Uint8Array) => Uint8Array {
  return (message) => (cryptoType === "sr25519" ? sr25519Sign(message, pair) : ed25519Sign(message, pair));
}

export function hotkeyOf(publicKey: Uint8Array): Hotkey {
  return asHotkey(encodeAddress(publicKey, SS58_PREFIX));
}

/** The public key of an address of any prefix; null when it is none. */
export function publicKeyOf(address: string): Uint8Array | null {
  try {
    return decodeAddress(address);
  } catch {
    return null;
  }
}

/** @throws Failure `wallet.malformed` when the words are not a mnemonic. */
export async function seedOfMnemonic(words: string): Promise<Uint8Array> {
  await cryptoWaitReady();
  const normalized = words.trim().split(/\s+/).join(" ");
  if (!mnemonicValidate(normalized))
    throw walletFailure("wallet.malformed", {
      message: "the secret phrase is not a valid mnemonic",
      hint: "A word is misspelled or missing; compare it with your backup.",
    });
  return mnemonicToMiniSecret(normalized, "");
}

export async function keypairFromSeed(seed: Uint8Array, cryptoType: CryptoType): Promise<Keypair> {
  await cryptoWaitReady();
  const pair = cryptoType === "sr25519" ? sr25519PairFromSeed(seed) : ed25519PairFromSeed(seed);
  return { cryptoType, publicKey: pair.publicKey, secretKey: pair.secretKey };
}

/**
 * Key pairs that a stored private key may mean, the likeliest first. Key files hold schnorrkel's canonical scalar
 * (sp_core `to_raw_vec`); files written through the ed25519 form of schnorrkel exist too and look the same.
 */
export async function keypairsFromPrivateKey(
  privateKey: Uint8Array,
  cryptoType: CryptoType,
): Promise<Keypair[]> {
  // Whoever signs with one of them finds the library ready.
  await cryptoWaitReady();
  if (cryptoType === "ed25519") return [await keypairFromSeed(privateKey.slice(0, SEED_BYTES), "ed25519")];
  if (privateKey.length !== PRIVATE_KEY_BYTES) return [await keypairFromSeed(privateKey, "sr25519")];
  const scalar = littleEndianToBigInt(privateKey.subarray(0, SCALAR_BYTES));
  const nonce = privateKey.subarray(SCALAR_BYTES);
  const candidates = [scalar];
  if (scalar % COFACTOR === 0n) candidates.push(scalar / COFACTOR);
  return candidates
    .filter((candidate) => candidate > 0n && candidate < ed25519.Point.Fn.ORDER)
    .map((candidate) => ({
      cryptoType,
      publicKey: ristretto255.Point.BASE.multiply(candidate).toBytes(),
      secretKey: Uint8Array.of(...bigIntToLittleEndian(candidate * COFACTOR), ...nonce),
    }));
}

/** The form that key files hold: the scalar without the cofactor. */
export function canonicalPrivateKey(secretKey: Uint8Array): Uint8Array {
  const scalar = littleEndianToBigInt(secretKey.subarray(0, SCALAR_BYTES)) / COFACTOR;
  return Uint8Array.of(...bigIntToLittleEndian(scalar), ...secretKey.subarray(SCALAR_BYTES));
}

function littleEndianToBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.slice().reverse().toHex()}`);
}

function bigIntToLittleEndian(value: bigint): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(SCALAR_BYTES * 2, "0")).reverse();
}
