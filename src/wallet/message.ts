import { U8A_WRAP_POSTFIX, U8A_WRAP_PREFIX, u8aConcat, u8aIsWrapped } from "@polkadot/util";
import { cryptoWaitReady, ed25519Verify, sr25519Verify } from "@polkadot/util-crypto";
import { walletFailure } from "./errors.ts";
import { signerOf } from "./keypair.ts";
import { kindOfText } from "./payloads.ts";
import { CRYPTO_NAMES, type CryptoType, type KeySecret } from "./secret.ts";

export const SIGNATURE_BYTES = 64;
/** Of a blake2b-256 hash, which is what is signed of an extrinsic of more than 256 bytes. */
const HASH_BYTES = 32;

/**
 * Signs what a person has written, as `btcli wallet sign` does, or wrapped as polkadot.js does. Bare bytes are signed
 * only where nothing else can take the signature for its own: text that is no request to a miner, no id of a run,
 * and not what is signed of an extrinsic. The key is zeroed.
 * @returns 64 bytes
 * @throws Failure `wallet.refused-payload`
 */
export function signMessage(secret: KeySecret, message: Uint8Array, isWrapped: boolean): Uint8Array {
  const secretKey = secret.take();
  try {
    if (!isWrapped) assertHarmless(message);
    const { cryptoType, publicKey } = secret;
    return signerOf({ cryptoType, publicKey, secretKey })(isWrapped ? wrapped(message) : message);
  } finally {
    secretKey.fill(0);
  }
}

/** How a message was signed. */
export interface Verified {
  cryptoType: CryptoType;
  isWrapped: boolean;
}

/**
 * How the message was signed: bare or wrapped, sr25519 or ed25519, which the signature does not say; null where it is not
 * this signer's of this message.
 * @param signature 64 bytes
 */
export async function verifyMessage(
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Promise<Verified | null> {
  await cryptoWaitReady();
  if (signature.length !== SIGNATURE_BYTES) return null;
  for (const isWrapped of [false, true])
    for (const cryptoType of CRYPTO_NAMES)
      if (isSigned(isWrapped ? wrapped(message) : message, signature, publicKey, cryptoType))
        return { cryptoType, isWrapped };
  return null;
}

function isSigned(
  message: Uint8Array,
  signature: Uint8Array,
  key: Uint8Array,
  cryptoType: CryptoType,
): boolean {
  try {
    return (cryptoType === "sr25519" ? sr25519Verify : ed25519Verify)(message, signature, key);
  } catch {
    // A signature or key that is no point of the curve is nobody's.
    return false;
  }
}

/**
 * What polkadot.js puts around a message, so that no signature of one is a signature of an extrinsic; what is wrapped already stays
 * as it is.
 */
function wrapped(message: Uint8Array): Uint8Array {
  return u8aIsWrapped(message, false) ? message : u8aConcat(U8A_WRAP_PREFIX, message, U8A_WRAP_POSTFIX);
}

/** What a person does not write: control characters but tabs and line ends. */
const CONTROL = /[^\P{Cc}\t\r\n]/u;

function assertHarmless(message: Uint8Array): void {
  const text = textOf(message);
  const hint = "Wrap it as polkadot.js does, with --bytes.";
  const refuse = (what: string): never => {
    throw walletFailure("wallet.refused-payload", {
      message: `a message that is ${what} is not signed bare`,
      hint,
    });
  };
  if (text === null || CONTROL.test(text)) refuse("not plain text");
  else if (kindOfText(text) !== undefined) refuse(`what a validator signs as ${kindOfText(text)}`);
  // Whoever wants a hash that reads as text can look for one; in 16 digits he will not find it.
  else if (message.length === HASH_BYTES && !/^[0-9a-fA-F]*$/.test(text))
    refuse("as long as the hash of an extrinsic");
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
