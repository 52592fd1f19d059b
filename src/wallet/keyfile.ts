import { closeSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { mnemonicGenerate } from "@polkadot/util-crypto";
import { syncDirectory, writeWhole } from "../base/atomic.ts";
import { isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Hotkey } from "../base/units.ts";
import { decryptNacl, encryptionOf, refuseOldEncryption } from "./encryption.ts";
import { type WalletCode, walletFailure } from "./errors.ts";
import { type PermissionPolicy, readKeyFile, type WalletPaths, walletPaths } from "./files.ts";
import { parseKeyfile, publicKeyInKeyfile, secretOfKeyfile } from "./keyfile-json.ts";
import { canonicalPrivateKey, hotkeyOf, keypairFromSeed, seedOfMnemonic } from "./keypair.ts";
import type { HotkeySecret } from "./secret.ts";
import { waysToGiveAPassword } from "./unlock.ts";

/** Mnemonic length of btwallet. */
const MNEMONIC_WORDS = 12;
const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;

export interface ReadHotkeyOptions {
  /** Called with the path only when the file is encrypted; the bytes are zeroed after use. */
  password?: (keyfilePath: string) => Promise<Uint8Array | null>;
  /** Ends the derivation of the key, which takes some seconds. */
  signal?: AbortSignal;
  /** Accept a key file that other users may open, with a warning. */
  laxPermissions?: boolean;
}

/**
 * Reads `<walletPath>/<name>/hotkeys/<hotkey>` in every form that btwallet ever wrote. The coldkey is never touched.
 * @throws Failure of a `WalletCode`; none of them quotes the file's content.
 */
export async function readHotkey(
  walletPath: string,
  name: string,
  hotkey: string,
  options: ReadHotkeyOptions = {},
): Promise<HotkeySecret> {
  const path = walletPaths(walletPath, name, hotkey).hotkey;
  return await openKeyFile(path, options.laxPermissions ? "lax" : "strict", options);
}

/**
 * As `readHotkey`, of a file that the service manager has put there for this process alone. Its mode says nothing: systemd
 * lets the service's user in by an access list, which shows as rights of the group.
 */
export async function readHotkeyCredential(
  path: string,
  options: Omit<ReadHotkeyOptions, "laxPermissions">,
): Promise<HotkeySecret> {
  return await openKeyFile(path, "public", options);
}

async function openKeyFile(
  path: string,
  policy: PermissionPolicy,
  options: ReadHotkeyOptions,
): Promise<HotkeySecret> {
  const bytes = await readKeyFile(path, policy);
  try {
    const encryption = encryptionOf(bytes);
    if (encryption === "ansible" || encryption === "fernet") return refuseOldEncryption(encryption, path);
    if (encryption === "none") return await secretOfKeyfile(parseKeyfile(bytes, path), path);
    const password = await options.password?.(path);
    if (!password)
      throw walletFailure("wallet.needs-password", {
        message: `${path} is encrypted and no password was given`,
        hint: waysToGiveAPassword(path),
      });
    log.info("Opening the encrypted hotkey; this takes some seconds", { path });
    const plain = await decryptNacl(bytes, password, options.signal);
    try {
      return await secretOfKeyfile(parseKeyfile(plain, path), path);
    } finally {
      plain.fill(0);
    }
  } finally {
    bytes.fill(0);
  }
}

/**
 * The address of a hotkey, from its public file or from the open part of the key file; no password is asked for.
 * @throws Failure of a `WalletCode`
 */
export async function readPublicHotkey(
  walletPath: string,
  name: string,
  hotkey: string,
): Promise<{ hotkey: Hotkey; path: string; encrypted: boolean }> {
  const paths = walletPaths(walletPath, name, hotkey);
  const bytes = await readKeyFile(paths.hotkey, "public");
  const encrypted = encryptionOf(bytes) !== "none";
  const stated = encrypted
    ? publicKeyInKeyfile(await readPublicFile(paths), paths.hotkeyPublic)
    : publicKeyInKeyfile(parseKeyfile(bytes, paths.hotkey), paths.hotkey);
  bytes.fill(0);
  if (stated !== null) return { hotkey: hotkeyOf(stated), path: paths.hotkey, encrypted };
  if (encrypted) throw statesNoAddress(paths.hotkeyPublic);
  const secret = await readHotkey(walletPath, name, hotkey, { laxPermissions: true });
  secret.take().fill(0);
  return { hotkey: secret.hotkey, path: paths.hotkey, encrypted };
}

export interface CreatedWallet {
  hotkey: Hotkey;
  /** To be shown once and written down; the key file holds it too. */
  mnemonic: string;
  files: string[];
}

/**
 * Makes a hotkey with the files of btwallet: `hotkeys/<hotkey>` (mode 0600) and `hotkeys/<hotkey>pub.txt`. A coldkey
 * is not made: a validator does not need it and it should not lie on the same machine.
 * @throws Failure `wallet.exists` rather than touching a file that is there; `wallet.malformed` for a bad mnemonic.
 */
export async function createWallet(
  walletPath: string,
  name: string,
  hotkey: string,
  options: { mnemonic?: string } = {},
): Promise<CreatedWallet> {
  const paths = walletPaths(walletPath, name, hotkey);
  const mnemonic = options.mnemonic?.trim().split(/\s+/).join(" ") ?? mnemonicGenerate(MNEMONIC_WORDS);
  const seed = await seedOfMnemonic(mnemonic);
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
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 });
  writeNewFile(paths.hotkey, JSON.stringify(content), SECRET_MODE);
  try {
    const open = { ...content, privateKey: null, secretPhrase: null, secretSeed: null };
    writeNewFile(paths.hotkeyPublic, JSON.stringify(open), PUBLIC_MODE);
  } catch (error) {
    // Nobody has seen this key yet; half a wallet would only block the next attempt.
    rmSync(paths.hotkey, { force: true });
    throw error;
  }
  syncDirectory(paths.directory);
  return { hotkey: address, mnemonic, files: [paths.hotkey, paths.hotkeyPublic] };
}

async function readPublicFile(paths: WalletPaths): Promise<ReturnType<typeof parseKeyfile>> {
  try {
    return parseKeyfile(await readKeyFile(paths.hotkeyPublic, "public"), paths.hotkeyPublic);
  } catch (error) {
    if (isFailure<WalletCode>(error, "wallet.missing")) throw statesNoAddress(paths.hotkeyPublic);
    throw error;
  }
}

function statesNoAddress(path: string): Error {
  return walletFailure("wallet.needs-password", {
    message: `the hotkey is encrypted and ${path} does not state its address`,
    hint: `Restore that file beside the hotkey: \`btcli wallet regen-hotkeypub\` writes it from the address.`,
  });
}

/** Creates a file that must not exist yet, with its final mode from the first byte on. */
function writeNewFile(path: string, text: string, mode: number): void {
  let fd: number;
  try {
    fd = openSync(path, "wx", mode);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw walletFailure(exists ? "wallet.exists" : "wallet.unreadable", {
      message: exists ? `${path} exists already` : `cannot write ${path}: ${messageOf(cause)}`,
      hint: exists ? "Choose another --wallet.hotkey; a key file is never overwritten." : undefined,
      cause,
    });
  }
  try {
    writeWhole(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
