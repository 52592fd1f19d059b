import { Failure, type FailureOptions } from "../base/error.ts";

export type WalletCode =
  | "wallet.bad-name"
  | "wallet.missing"
  | "wallet.unreadable"
  | "wallet.open-permissions"
  | "wallet.exists"
  | "wallet.malformed"
  | "wallet.public-only"
  | "wallet.address-mismatch"
  | "wallet.unsupported-crypto"
  | "wallet.foreign-format"
  | "wallet.needs-password"
  | "wallet.wrong-password"
  | "wallet.bad-password-source"
  | "wallet.no-derivation"
  | "wallet.cancelled"
  | "wallet.no-message"
  | "wallet.bad-signature"
  | "wallet.bad-address"
  | "wallet.refused-payload";

/** An expected error of this room. `cause` is for errors of the file system only: a parser's message may quote a key. */
export function walletFailure(code: WalletCode, options: FailureOptions<unknown>): Failure<WalletCode> {
  return new Failure<WalletCode>(code, options);
}
