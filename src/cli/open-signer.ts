import { existsSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../base/error.ts";
import type { ValuesOf } from "../config/option.ts";
import type { OPTIONS } from "../config/options.ts";
import { expandPath } from "../config/paths.ts";
import type { WalletCode } from "../wallet/errors.ts";
import { readHotkey, readHotkeyCredential } from "../wallet/keyfile.ts";
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
 * Opens the hotkey and returns what signs with it. A password that is typed may be typed three times.
 * @throws Failure `wallet.*`
 */
export async function openSigner(choice: WalletChoice, options: UnlockOptions): Promise<HotkeySigner> {
  const { environment, signal, terminal } = options;
  const passwordFile =
    choice.walletPasswordFile === undefined ? undefined : expandPath(choice.walletPasswordFile);
  const credential = hotkeyCredential(environment);
  for (let typed = 0; ; ) {
    try {
      const asked = {
        signal,
        password: (path: string) =>
          findPassword(path, { environment, passwordFile, terminal, signal, onAsk: () => typed++ }),
      };
      const secret = await (credential === undefined
        ? readHotkey(expandPath(choice.walletPath), choice.walletName, choice.walletHotkey, {
            ...asked,
            laxPermissions: choice.walletLaxPermissions,
          })
        : readHotkeyCredential(credential, asked));
      return createSigner(secret);
    } catch (error) {
      if (typed === 0 || typed >= MAX_TYPED || !isFailure<WalletCode>(error, "wallet.wrong-password"))
        throw error;
      terminal?.output.write("That password does not open the hotkey; try again.\n");
    }
  }
}
