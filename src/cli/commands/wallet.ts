import { loadConfiguration } from "../../config/load.ts";
import { WALLET_OPTIONS } from "../../config/options.ts";
import { expandPath } from "../../config/paths.ts";
import { createWallet } from "../../wallet/create.ts";
import { readPublicHotkey } from "../../wallet/keyfile.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

function chosenWallet(context: CommandContext): [path: string, name: string, hotkey: string] {
  const { settings } = loadConfiguration(WALLET_OPTIONS, sourcesOf(context));
  return [expandPath(settings.walletPath), settings.walletName, settings.walletHotkey];
}

export async function createWalletFiles(context: CommandContext): Promise<number> {
  const { hotkey, mnemonic, files } = await createWallet(...chosenWallet(context));
  context.print(
    [
      `Hotkey   ${hotkey}`,
      ...files.map((file) => `File     ${file}`),
      "",
      "Write these words down; whoever has them has the hotkey:",
      `  ${mnemonic}`,
      "",
    ].join("\n"),
  );
  return EXIT.ok;
}

export async function showWallet(context: CommandContext): Promise<number> {
  const [path, name, hotkey] = chosenWallet(context);
  const found = await readPublicHotkey(path, name, hotkey);
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ wallet: name, name: hotkey, ...found })}\n`);
    return EXIT.ok;
  }
  context.print(
    [
      `Wallet     ${name}`,
      `Hotkey     ${hotkey}`,
      `Address    ${found.hotkey}`,
      `File       ${found.path}`,
      `Encrypted  ${found.encrypted ? "yes" : "no"}`,
      "",
    ].join("\n"),
  );
  return EXIT.ok;
}
