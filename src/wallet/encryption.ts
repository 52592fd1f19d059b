import { naclDecrypt, naclEncrypt } from "@polkadot/util-crypto";
import { deriveKey } from "./derivation.ts";
import { walletFailure } from "./errors.ts";
import { openAnsible, openFernet } from "./old-encryption.ts";

const NACL_MAGIC = "$NACL";
const ANSIBLE_MAGIC = "$ANSIBLE_VAULT";
/** Base64 of the version byte of a Fernet token. */
const FERNET_MAGIC = "gAAAAA";
const NONCE_BYTES = 24;
/** Of poly1305, before what is encrypted. */
const TAG_BYTES = 16;

export type KeyFileEncryption = "none" | "nacl" | "ansible" | "fernet";

export function encryptionOf(bytes: Uint8Array): KeyFileEncryption {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, ANSIBLE_MAGIC.length));
  if (start.startsWith(NACL_MAGIC)) return "nacl";
  if (start.startsWith(ANSIBLE_MAGIC)) return "ansible";
  return start.startsWith(FERNET_MAGIC) ? "fernet" : "none";
}

/** None takes the cost of its derivation from the file: whoever wrote that cannot make it work for hours. */
const OPEN = { nacl: openNacl, ansible: openAnsible, fernet: openFernet } as const;

/**
 * Opens an encrypted key file of any time. The password's bytes are zeroed.
 * @throws Failure `wallet.wrong-password`, `wallet.malformed`, `wallet.cancelled`, `wallet.no-derivation`
 */
export async function decryptKeyFile(
  file: Uint8Array,
  password: Uint8Array,
  signal: AbortSignal = new AbortController().signal,
): Promise<Uint8Array> {
  const encryption = encryptionOf(file);
  if (encryption === "none") throw new Error("the key file is not encrypted");
  const plain = await OPEN[encryption](file, password, signal).finally(() => password.fill(0));
  if (plain === null)
    throw walletFailure("wallet.wrong-password", {
      message: "the password does not open the key file",
      hint: "Look at where it came from (--wallet.password_file, the credential hotkey-password, BT_PW_…), or start from a terminal to type it.",
    });
  return plain;
}

/** Opens xsalsa20-poly1305; null when the password does not fit. */
async function openNacl(
  file: Uint8Array,
  password: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const box = file.subarray(NACL_MAGIC.length);
  if (box.length <= NONCE_BYTES + TAG_BYTES)
    throw walletFailure("wallet.malformed", {
      message: "the key file is cut short: it begins as an encrypted one and holds no key",
      hint: "Restore it from a copy, or from its mnemonic with `openvalidator wallet import FILE`.",
    });
  const key = await deriveKey(password, signal);
  const plain = naclDecrypt(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), key);
  key.fill(0);
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
