import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Key, Signature } from "@tufjs/models";

/** A key that signs metadata of The Update Framework. */
export interface Signer {
  key: Key;
  sign(data: Buffer): Signature;
}

/** @param privateKey Ed25519 */
export function signerOf(privateKey: KeyObject): Signer {
  const { x } = privateKey.export({ format: "jwk" });
  const hex = Buffer.from(String(x), "base64url").toString("hex");
  // Any unique text may be an id; this one depends on the key alone, so that one key cannot stand for two.
  const keyID = createHash("sha256").update(`ed25519:${hex}`).digest("hex");
  const key = new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal: { public: hex } });
  return {
    key,
    sign: (data) => new Signature({ keyID, sig: sign(null, data, privateKey).toString("hex") }),
  };
}

export function newSigner(): Signer {
  return signerOf(generateKeyPairSync("ed25519").privateKey);
}
