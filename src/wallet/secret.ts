import { inspect } from "node:util";
import type { Hotkey } from "../base/units.ts";

export type CryptoType = "sr25519" | "ed25519";

/**
 * The key pair of a hotkey on its way from the file to the signer. It can be taken once, and every way of printing it
 * gives `[secret]`.
 */
export class HotkeySecret {
  readonly hotkey: Hotkey;
  readonly publicKey: Uint8Array;
  readonly cryptoType: CryptoType;
  #secretKey: Uint8Array | null;

  /** @param secretKey 64 bytes as @polkadot/util-crypto's sr25519Sign or ed25519Sign takes them */
  constructor(cryptoType: CryptoType, hotkey: Hotkey, publicKey: Uint8Array, secretKey: Uint8Array) {
    this.cryptoType = cryptoType;
    this.hotkey = hotkey;
    this.publicKey = publicKey;
    this.#secretKey = secretKey;
  }

  /** Hands the secret key over; this object forgets it. */
  take(): Uint8Array {
    const key = this.#secretKey;
    if (key === null) throw new Error("the secret of this hotkey was already taken");
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
