import { isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Hotkey } from "../base/units.ts";
import { decryptKeyFile, encryptionOf } from "./encryption.ts";
import { type WalletCode, walletFailure } from "./errors.ts";
import { type PermissionPolicy, readKeyFile, type WalletPaths, walletPaths } from "./files.ts";
import { parseKeyfile, publicKeyInKeyfile, secretOfKeyfile } from "./keyfile-json.ts";
import { hotkeyOf } from "./keypair.ts";
import type { KeySecret } from "./secret.ts";
import { waysToGiveAPassword } from "./unlock.ts";

export interface ReadKeyOptions {
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
  options: ReadKeyOptions = {},
): Promise<KeySecret> {
  const path = walletPaths(walletPath, name, hotkey).hotkey;
  return await openKeyFile(path, options.laxPermissions ? "lax" : "strict", options);
}

/** As `readHotkey`, of `<walletPath>/<name>/coldkey`: for what a person signs with it, never for a validator. */
export async function readColdkey(
  walletPath: string,
  name: string,
  options: ReadKeyOptions = {},
): Promise<KeySecret> {
  const path = walletPaths(walletPath, name, "default").coldkey;
  return await openKeyFile(path, options.laxPermissions ? "lax" : "strict", options, "coldkey file");
}

/**
 * As `readHotkey`, of a file that the service manager has put there for this process alone. Its mode says nothing: systemd
 * lets the service's user in by an access list, which shows as rights of the group.
 */
export async function readHotkeyCredential(
  path: string,
  options: Omit<ReadKeyOptions, "laxPermissions">,
): Promise<KeySecret> {
  return await openKeyFile(path, "public", options);
}

async function openKeyFile(
  path: string,
  policy: PermissionPolicy,
  options: ReadKeyOptions,
  what: "key file" | "coldkey file" = "key file",
): Promise<KeySecret> {
  const bytes = await readKeyFile(path, policy, what);
  try {
    if (encryptionOf(bytes) === "none") return await secretOfKeyfile(parseKeyfile(bytes, path), path);
    const password = await options.password?.(path);
    if (!password)
      throw walletFailure("wallet.needs-password", {
        message: `${path} is encrypted and no password was given`,
        hint: waysToGiveAPassword(path),
      });
    log.info("Opening the encrypted key; this takes some seconds", { path });
    const plain = await decryptKeyFile(bytes, password, options.signal);
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
  return { hotkey: secret.address, path: paths.hotkey, encrypted };
}

/**
 * The address that a public file (`…pub.txt`) states.
 * @throws Failure `wallet.missing`, `wallet.malformed`
 */
export async function addressInFile(path: string): Promise<Hotkey> {
  const stated = publicKeyInKeyfile(parseKeyfile(await readKeyFile(path, "public"), path), path);
  if (stated === null)
    throw walletFailure("wallet.malformed", { message: `${path} states no address`, hint: RESTORE_PUBLIC });
  return hotkeyOf(stated);
}

async function readPublicFile(paths: WalletPaths): Promise<ReturnType<typeof parseKeyfile>> {
  try {
    return parseKeyfile(await readKeyFile(paths.hotkeyPublic, "public"), paths.hotkeyPublic);
  } catch (error) {
    if (isFailure<WalletCode>(error, "wallet.missing")) throw statesNoAddress(paths.hotkeyPublic);
    throw error;
  }
}

const RESTORE_PUBLIC =
  "Restore that file beside the key: `btcli wallet regen-hotkeypub` (or regen-coldkeypub) writes it from the address.";

function statesNoAddress(path: string): Error {
  return walletFailure("wallet.needs-password", {
    message: `the hotkey is encrypted and ${path} does not state its address`,
    hint: RESTORE_PUBLIC,
  });
}
