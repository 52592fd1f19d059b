import { inspect } from "node:util";
import type { Hotkey } from "../base/units.ts";

export const CRYPTO_NAMES = ["sr25519", "ed25519"] as const;
export type CryptoType = (typeof CRYPTO_NAMES)[number];

/**
 * The key pair of a hotkey or coldkey on its way from the file to what signs with it. It can be taken once, and every
 * way of printing it gives `[secret]`.
 */
export class KeySecret {
  /** SS58 of the public key. */
  readonly address: Hotkey;
  readonly publicKey: Uint8Array;
  readonly cryptoType: CryptoType;
  #secretKey: Uint8Array | null;

  /** @param secretKey 64 bytes as @polkadot/util-crypto's sr25519Sign or ed25519Sign takes them */
  constructor(cryptoType: CryptoType, address: Hotkey, publicKey: Uint8Array, secretKey: Uint8Array) {
    this.cryptoType = cryptoType;
    this.address = address;
    this.publicKey = publicKey;
    this.#secretKey = secretKey;
  }

  /** Hands the secret key over; this object forgets it. */
  take(): Uint8Array {
    const key = this.#secretKey;
    if (key === null) throw new Error("the secret of this key was already taken");
    this.#secretKey = null;
    return key;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
