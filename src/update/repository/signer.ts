import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { Key, Signature } from "@tufjs/models";
import { messageOf } from "../../base/error.ts";

/** A key that signs metadata of The Update Framework. */
export interface Signer {
  key: Key;
  sign(data: Buffer): Signature;
}

/** The 32 bytes of an Ed25519 key that everybody may know. */
export function publicKeyOf(privateKey: KeyObject): Buffer {
  return Buffer.from(String(privateKey.export({ format: "jwk" }).x), "base64url");
}

/** @param privateKey Ed25519 */
export function signerOf(privateKey: KeyObject): Signer {
  const key = keyOf(publicKeyOf(privateKey).toString("hex"));
  return {
    key,
    sign: (data) => new Signature({ keyID: key.keyID, sig: sign(null, data, privateKey).toString("hex") }),
  };
}

/** @param hex of the 32 bytes of an Ed25519 public key */
export function keyOf(hex: string): Key {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`${hex.slice(0, 80)} is no Ed25519 public key in hex`);
  // Any unique text may be an id; this one depends on the key alone, so that one key cannot stand for two.
  const keyID = createHash("sha256").update(`ed25519:${hex}`).digest("hex");
  return new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal: { public: hex } });
}

export function newPrivateKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

export function newSigner(): Signer {
  return signerOf(newPrivateKey());
}

/** PKCS#8 in PEM, as openssl and password managers know it. */
export function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/**
 * A private key from a file, or from an environment variable as `env:NAME`, as PEM; never from an argument, which every
 * user of the machine can read.
 * @throws Error that names the place, never the key
 */
export function readPrivateKey(
  place: string,
  environment: Readonly<Record<string, string | undefined>>,
): KeyObject {
  const name = /^env:(\w+)$/.exec(place)?.[1];
  let pem: string | undefined;
  try {
    pem = name === undefined ? readFileSync(place, "utf8") : environment[name];
  } catch (error) {
    throw new Error(`the key ${place} cannot be read: ${messageOf(error)}`);
  }
  if (pem === undefined || pem === "") throw new Error(`the variable ${name} holds no key`);
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Its message may quote what was given.
  }
  if (key?.asymmetricKeyType !== "ed25519") throw new Error(`${place} holds no Ed25519 private key in PEM`);
  return key;
}
