import { naclDecrypt } from "@polkadot/util-crypto";
import { argon2i } from "hash-wasm";
import { walletFailure } from "./errors.ts";

const NACL_MAGIC = "$NACL";
const ANSIBLE_MAGIC = "$ANSIBLE_VAULT";
/** Base64 of the version byte of a Fernet token. */
const FERNET_MAGIC = "gAAAAA";
const NONCE_BYTES = 24;

/**
 * Fixed by btwallet (src/keyfile.rs): libsodium's argon2i13 with OPSLIMIT_SENSITIVE, MEMLIMIT_SENSITIVE and a constant
 * salt. It takes some seconds and 512 MiB.
 */
const KEY_DERIVATION = {
  iterations: 8,
  memorySize: 512 * 1024,
  parallelism: 1,
  hashLength: 32,
  salt: Uint8Array.fromHex("137183dff15a09bc9c90b5518739e9b1"),
} as const;

export type KeyFileEncryption = "none" | "nacl" | "ansible" | "fernet";

export function encryptionOf(bytes: Uint8Array): KeyFileEncryption {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, ANSIBLE_MAGIC.length));
  if (start.startsWith(NACL_MAGIC)) return "nacl";
  if (start.startsWith(ANSIBLE_MAGIC)) return "ansible";
  return start.startsWith(FERNET_MAGIC) ? "fernet" : "none";
}

/**
 * Opens a `$NACL` key file (xsalsa20-poly1305). The password's bytes are zeroed.
 * @throws Failure `wallet.wrong-password`
 */
export async function decryptNacl(file: Uint8Array, password: Uint8Array): Promise<Uint8Array> {
  const box = file.subarray(NACL_MAGIC.length);
  const key = await argon2i({ ...KEY_DERIVATION, password, outputType: "binary" });
  password.fill(0);
  const plain = naclDecrypt(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), key);
  key.fill(0);
  if (plain === null)
    throw walletFailure("wallet.wrong-password", { message: "the password does not open the key file" });
  return plain;
}

/** @throws Failure `wallet.unsupported-encryption` for the two encryptions that bittensor used before 2022. */
export function refuseOldEncryption(kind: "ansible" | "fernet", path: string): never {
  throw walletFailure("wallet.unsupported-encryption", {
    message: `${path} is encrypted in ${kind === "ansible" ? "the Ansible vault" : "the Fernet"} format of old bittensor versions`,
    hint: "Let btcli encrypt it again: `btcli wallet update` turns old key files into the present format.",
  });
}
