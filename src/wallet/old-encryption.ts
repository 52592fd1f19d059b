import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { orAborted } from "../base/deadline.ts";
import { walletFailure } from "./errors.ts";

const derive = promisify(pbkdf2);
/** Of SHA-256. */
const MAC_BYTES = 32;
const IV_BYTES = 16;

/** Fixed by Ansible (ansible/parsing/vault), whose files state none of it. */
const ANSIBLE = { iterations: 10_000, keyBytes: 32 } as const;

/** Fixed by bittensor before 2022 (btwallet's src/keyfile.rs): some seconds of work. */
const FERNET = {
  iterations: 10_000_000,
  salt: "Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins",
  keyBytes: 16,
  version: 0x80,
  /** Version and time. */
  headBytes: 1 + 8,
} as const;

/**
 * Opens an Ansible vault of version 1.1 or 1.2, in which bittensor of 2022 and 2023 kept keys.
 * @returns null when the password does not fit
 * @throws Failure `wallet.malformed`
 */
export async function openAnsible(
  file: Uint8Array,
  password: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const [, ...lines] = new TextDecoder("latin1").decode(file).trim().split(/\r?\n/);
  const [salt, mac, box] = hexText(lines.join("")).toString("latin1").split("\n").map(hexText);
  if (!salt?.length || mac?.length !== MAC_BYTES || !box?.length) throw damaged("an Ansible vault");
  const { iterations, keyBytes } = ANSIBLE;
  const keys = await orAborted(derive(password, salt, iterations, 2 * keyBytes + IV_BYTES, "sha256"), signal);
  try {
    if (!isMac(mac, keys.subarray(keyBytes, 2 * keyBytes), box)) return null;
    const cipher = createDecipheriv("aes-256-ctr", keys.subarray(0, keyBytes), keys.subarray(2 * keyBytes));
    const padded = Buffer.concat([cipher.update(box), cipher.final()]);
    // PKCS #7: the last byte counts what was added.
    return padded.subarray(0, padded.length - padded.at(-1)!);
  } finally {
    keys.fill(0);
  }
}

/**
 * Opens a Fernet token, as bittensor before 2022 wrote it.
 * @returns null when the password does not fit
 * @throws Failure `wallet.malformed`
 */
export async function openFernet(
  file: Uint8Array,
  password: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const token = Buffer.from(new TextDecoder("latin1").decode(file).trim(), "base64url");
  const { iterations, salt, keyBytes, version, headBytes } = FERNET;
  const box = token.subarray(headBytes + IV_BYTES, -MAC_BYTES);
  if (token[0] !== version || box.length === 0 || box.length % IV_BYTES !== 0)
    throw damaged("a Fernet token");
  const keys = await orAborted(derive(password, salt, iterations, 2 * keyBytes, "sha256"), signal);
  try {
    if (!isMac(token.subarray(-MAC_BYTES), keys.subarray(0, keyBytes), token.subarray(0, -MAC_BYTES)))
      return null;
    const iv = token.subarray(headBytes, headBytes + IV_BYTES);
    const cipher = createDecipheriv("aes-128-cbc", keys.subarray(keyBytes), iv);
    return Buffer.concat([cipher.update(box), cipher.final()]);
  } finally {
    keys.fill(0);
  }
}

function isMac(mac: Uint8Array, key: Uint8Array, signed: Uint8Array): boolean {
  return timingSafeEqual(mac, createHmac("sha256", key).update(signed).digest());
}

/** Stops at the first character that is no digit, which leaves a length that nothing has. */
const hexText = (text: string): Buffer => Buffer.from(text, "hex");

const damaged = (what: string): Error =>
  walletFailure("wallet.malformed", {
    message: `the key file begins as ${what} and does not go on as one`,
    hint: "Restore it from a copy, or from its mnemonic with `openvalidator wallet import FILE`.",
  });
