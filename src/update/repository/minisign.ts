import { createHash, type KeyObject, sign } from "node:crypto";
import { publicKeyOf } from "./signer.ts";

/** "ED": the file is signed by its BLAKE2b-512, as minisign does since 0.11. */
const HASHED = Buffer.from("ED");
/** "Ed": a key, whose own algorithm is Ed25519. */
const PLAIN = Buffer.from("Ed");
const KEY_ID_BYTES = 8;

/**
 * A signature that `minisign -V` takes, for people who check a download by hand.
 * Format: https://jedisct1.github.io/minisign/#signature-format
 * @param comment one line, signed too
 */
export function minisign(file: Uint8Array, comment: string, privateKey: KeyObject): string {
  const signature = sign(null, createHash("blake2b512").update(file).digest(), privateKey);
  const whole = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey);
  const keyId = keyIdOf(privateKey);
  return [
    "untrusted comment: signature of openvalidator",
    Buffer.concat([HASHED, keyId, signature]).toString("base64"),
    `trusted comment: ${comment}`,
    whole.toString("base64"),
    "",
  ].join("\n");
}

/** The public key as `minisign -P` takes it. */
export function minisignPublicKey(privateKey: KeyObject): string {
  return Buffer.concat([PLAIN, keyIdOf(privateKey), publicKeyOf(privateKey)]).toString("base64");
}

/** Any eight bytes that tell keys apart will do; these follow from the key. */
function keyIdOf(privateKey: KeyObject): Buffer {
  return createHash("blake2b512").update(publicKeyOf(privateKey)).digest().subarray(0, KEY_ID_BYTES);
}
