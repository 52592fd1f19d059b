import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { mnemonicGenerate } from "@polkadot/util-crypto";
import { syncDirectory, writeWhole } from "../base/atomic.ts";
import { reasonOf } from "../base/error.ts";
import type { Hotkey } from "../base/units.ts";
import { encryptNacl } from "./encryption.ts";
import { walletFailure } from "./errors.ts";
import { walletPaths } from "./files.ts";
import { canonicalPrivateKey, hotkeyOf, keypairFromSeed, seedOfMnemonic } from "./keypair.ts";

/** Mnemonic length of btwallet. */
const MNEMONIC_WORDS = 12;
const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** Where a key comes from that is not new. */
export type KeyOrigin = { mnemonic: string } | { seed: Uint8Array };

export interface CreateOptions {
  /** Absent: a new mnemonic is made. */
  from?: KeyOrigin | undefined;
  /** Encrypts the key file as btwallet does; its bytes are zeroed. */
  password?: Uint8Array | undefined;
  /** Ends the derivation of the key of the file, which takes some seconds. */
  signal?: AbortSignal | undefined;
}

export interface CreatedWallet {
  hotkey: Hotkey;
  /** To be shown once and written down, where it is new or was given; the key file holds it too. */
  mnemonic: string | null;
  files: string[];
}

/**
 * Makes a hotkey with the files of btwallet: `hotkeys/<hotkey>` (mode 0600) and `hotkeys/<hotkey>pub.txt`. A coldkey
 * is not made: a validator does not need it and it should not lie on the same machine.
 * @throws Failure `wallet.exists` rather than touching a file that is there; `wallet.malformed` for a bad mnemonic;
 *   `wallet.cancelled`, `wallet.no-derivation`
 */
export async function createWallet(
  walletPath: string,
  name: string,
  hotkey: string,
  options: CreateOptions = {},
): Promise<CreatedWallet> {
  const paths = walletPaths(walletPath, name, hotkey);
  return await createKey(paths.hotkey, paths.hotkeyPublic, options);
}

/** Makes a coldkey beside the hotkeys, unencrypted: for the wallet of a chain whose money is worth nothing. */
export async function createColdkey(walletPath: string, name: string): Promise<CreatedWallet> {
  const paths = walletPaths(walletPath, name, "default");
  return await createKey(paths.coldkey, paths.coldkeyPublic, {});
}

async function createKey(path: string, publicPath: string, options: CreateOptions): Promise<CreatedWallet> {
  const { from, password, signal } = options;
  for (const file of [path, publicPath]) if (existsSync(file)) throw existsAlready(file);
  const mnemonic =
    from === undefined
      ? mnemonicGenerate(MNEMONIC_WORDS)
      : "mnemonic" in from
        ? from.mnemonic.trim().split(/\s+/).join(" ")
        : null;
  const seed = mnemonic === null ? (from as { seed: Uint8Array }).seed : await seedOfMnemonic(mnemonic);
  const pair = await keypairFromSeed(seed, "sr25519");
  const address = hotkeyOf(pair.publicKey);
  const publicHex = `0x${pair.publicKey.toHex()}`;
  const content = {
    accountId: publicHex,
    publicKey: publicHex,
    privateKey: `0x${canonicalPrivateKey(pair.secretKey).toHex()}`,
    secretPhrase: mnemonic,
    secretSeed: `0x${seed.toHex()}`,
    ss58Address: address,
  };
  const plain = Buffer.from(JSON.stringify(content));
  const secret = password === undefined ? plain : await encryptNacl(plain, password, signal);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeNewFile(path, secret, SECRET_MODE);
  plain.fill(0);
  try {
    const open = { ...content, privateKey: null, secretPhrase: null, secretSeed: null };
    writeNewFile(publicPath, Buffer.from(JSON.stringify(open)), PUBLIC_MODE);
  } catch (error) {
    // Nobody has seen this key yet; half a wallet would only block the next attempt.
    rmSync(path, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
  return { hotkey: address, mnemonic, files: [path, publicPath] };
}

/** Creates a file that must not exist yet, with its final mode from the first byte on. */
function writeNewFile(path: string, content: Uint8Array, mode: number): void {
  let fd: number;
  try {
    fd = openSync(path, "wx", mode);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw existsAlready(path, cause);
    throw walletFailure("wallet.unreadable", {
      message: `cannot write ${path}: ${reasonOf(cause)}`,
      hint: "Give this user the right to write there, or choose another folder with --wallet.path.",
      cause,
    });
  }
  try {
    writeWhole(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const existsAlready = (path: string, cause?: unknown): Error =>
  walletFailure("wallet.exists", {
    message: `${path} exists already`,
    hint: "Choose another --wallet.hotkey; a key file is never overwritten.",
    cause,
  });
