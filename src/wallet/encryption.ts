import { naclDecrypt, naclEncrypt } from "@polkadot/util-crypto";
import { deriveKey } from "./derivation.ts";
import { walletFailure } from "./errors.ts";

const NACL_MAGIC = "$NACL";
const ANSIBLE_MAGIC = "$ANSIBLE_VAULT";
/** Base64 of the version byte of a Fernet token. */
const FERNET_MAGIC = "gAAAAA";
const NONCE_BYTES = 24;

export type KeyFileEncryption = "none" | "nacl" | "ansible" | "fernet";

export function encryptionOf(bytes: Uint8Array): KeyFileEncryption {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, ANSIBLE_MAGIC.length));
  if (start.startsWith(NACL_MAGIC)) return "nacl";
  if (start.startsWith(ANSIBLE_MAGIC)) return "ansible";
  return start.startsWith(FERNET_MAGIC) ? "fernet" : "none";
}

/**
 * Opens a `$NACL` key file (xsalsa20-poly1305). The password's bytes are zeroed.
 * @throws Failure `wallet.wrong-password`, `wallet.cancelled`, `wallet.no-derivation`
 */
export async function decryptNacl(
  file: Uint8Array,
  password: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const box = file.subarray(NACL_MAGIC.length);
  const key = await deriveKey(password, signal).finally(() => password.fill(0));
  const plain = naclDecrypt(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), key);
  key.fill(0);
  if (plain === null)
    throw walletFailure("wallet.wrong-password", { message: "the password does not open the key file" });
  return plain;
}

/** The bytes of a `$NACL` key file with a nonce of its own. The password's bytes are zeroed. */
export async function encryptNacl(
  plain: Uint8Array,
  password: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const key = await deriveKey(password, signal).finally(() => password.fill(0));
  const { encrypted, nonce } = naclEncrypt(plain, key);
  key.fill(0);
  return Buffer.concat([Buffer.from(NACL_MAGIC), nonce, encrypted]);
}

const WAYS_OUT = {
  ansible:
    "bittensor-wallet 4.1 still opens it: in Python, `Wallet(name=…, hotkey=…).hotkey_file.check_and_update_encryption()` writes it in the present format.",
  fernet: "Make the file again from its mnemonic with `btcli wallet regen-hotkey`.",
} as const;

/** @throws Failure `wallet.unsupported-encryption` for the two encryptions that bittensor used before 2022. */
export function refuseOldEncryption(kind: "ansible" | "fernet", path: string): never {
  throw walletFailure("wallet.unsupported-encryption", {
    message: `${path} is encrypted in ${kind === "ansible" ? "the Ansible vault" : "the Fernet"} format of old bittensor versions`,
    hint: WAYS_OUT[kind],
  });
}
