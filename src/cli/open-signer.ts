import { existsSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../base/error.ts";
import type { ValuesOf } from "../config/option.ts";
import type { OPTIONS } from "../config/options.ts";
import { expandPath } from "../config/paths.ts";
import type { WalletCode } from "../wallet/errors.ts";
import { type ReadKeyOptions, readColdkey, readHotkey, readHotkeyCredential } from "../wallet/keyfile.ts";
import type { KeySecret } from "../wallet/secret.ts";
import { createSigner, type HotkeySigner } from "../wallet/signer.ts";
import { findPassword, type Terminal } from "../wallet/unlock.ts";

export type WalletChoice = ValuesOf<
  typeof OPTIONS,
  "wallet.name" | "wallet.hotkey" | "wallet.path" | "wallet.lax_permissions" | "wallet.password_file"
>;

export interface UnlockOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** Takes a question back and ends the derivation of a key. */
  signal: AbortSignal;
  /** Asks a person; absent where there is none. */
  terminal?: Terminal | undefined;
}

/** A person may mistype; a file or a variable gives the same password each time. */
const MAX_TYPED = 3;

/** The terminal of this process, where it has one. */
export function ownTerminal(): Terminal | undefined {
  return process.stdin.isTTY ? { input: process.stdin, output: process.stderr } : undefined;
}

/** The hotkey that a systemd unit hands over (`LoadCredential=hotkey:…`); where there is one, it is the one to use. */
export function hotkeyCredential({
  CREDENTIALS_DIRECTORY: folder,
}: UnlockOptions["environment"]): string | undefined {
  const path = join(folder ?? "", "hotkey");
  return folder && existsSync(path) ? path : undefined;
}

/**
 * Opens the hotkey and returns what signs with it.
 * @throws Failure `wallet.*`
 */
export async function openSigner(choice: WalletChoice, options: UnlockOptions): Promise<HotkeySigner> {
  return createSigner(await openHotkey(choice, options));
}

/** @throws Failure `wallet.*` */
export async function openHotkey(choice: WalletChoice, options: UnlockOptions): Promise<KeySecret> {
  const credential = hotkeyCredential(options.environment);
  return await openKey(choice, options, (asked) =>
    credential === undefined
      ? readHotkey(expandPath(choice.walletPath), choice.walletName, choice.walletHotkey, asked)
      : readHotkeyCredential(credential, asked),
  );
}

/** @throws Failure `wallet.*` */
export async function openColdkey(choice: WalletChoice, options: UnlockOptions): Promise<KeySecret> {
  // A password that the service manager hands over is the hotkey's.
  const environment = { ...options.environment, CREDENTIALS_DIRECTORY: undefined };
  return await openKey(choice, { ...options, environment }, (asked) =>
    readColdkey(expandPath(choice.walletPath), choice.walletName, asked),
  );
}

/** A password that is typed may be typed three times. */
async function openKey(
  { walletPasswordFile, walletLaxPermissions: laxPermissions }: WalletChoice,
  { environment, signal, terminal }: UnlockOptions,
  read: (asked: ReadKeyOptions) => Promise<KeySecret>,
): Promise<KeySecret> {
  const passwordFile = walletPasswordFile === undefined ? undefined : expandPath(walletPasswordFile);
  for (let typed = 0; ; ) {
    try {
      return await read({
        signal,
        laxPermissions,
        password: (path: string) =>
          findPassword(path, { environment, passwordFile, terminal, signal, onAsk: () => typed++ }),
      });
    } catch (error) {
      if (typed === 0 || typed >= MAX_TYPED || !isFailure<WalletCode>(error, "wallet.wrong-password"))
        throw error;
      terminal?.output.write("That password does not open the key; try again.\n");
    }
  }
}
