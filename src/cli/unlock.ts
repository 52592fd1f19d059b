import { expandPath } from "../config/paths.ts";
import { readHotkey } from "../wallet/keyfile.ts";
import { createSigner, type HotkeySigner } from "../wallet/signer.ts";
import { findPassword } from "../wallet/unlock.ts";

export interface WalletChoice {
  walletName: string;
  walletHotkey: string;
  walletPath: string;
  walletLaxPermissions: boolean;
  walletPasswordFile: string | undefined;
}

/**
 * Opens the hotkey and returns what signs with it.
 * @throws Failure `wallet.*`
 */
export async function openSigner(
  choice: WalletChoice,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<HotkeySigner> {
  const terminal = process.stdin.isTTY ? { input: process.stdin, output: process.stderr } : undefined;
  const passwordFile =
    choice.walletPasswordFile === undefined ? undefined : expandPath(choice.walletPasswordFile);
  const secret = await readHotkey(expandPath(choice.walletPath), choice.walletName, choice.walletHotkey, {
    laxPermissions: choice.walletLaxPermissions,
    password: (keyfilePath) => findPassword(keyfilePath, { environment, passwordFile, terminal }),
  });
  return createSigner(secret);
}
