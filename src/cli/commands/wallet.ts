import { existsSync } from "node:fs";
import { Failure } from "../../base/error.ts";
import { loadConfiguration } from "../../config/load.ts";
import { WALLET_CREATE_OPTIONS, WALLET_OPTIONS } from "../../config/options.ts";
import { expandPath } from "../../config/paths.ts";
import { createWallet, type KeyOrigin } from "../../wallet/create.ts";
import type { WalletCode } from "../../wallet/errors.ts";
import { readKeyFile, walletPaths } from "../../wallet/files.ts";
import { readPublicHotkey } from "../../wallet/keyfile.ts";
import { parseKeyfile } from "../../wallet/keyfile-json.ts";
import { askPassword, findPassword, waysToGiveAPassword } from "../../wallet/unlock.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { ownTerminal } from "../open-signer.ts";

function chosenWallet(context: CommandContext): [path: string, name: string, hotkey: string] {
  const { settings } = loadConfiguration(WALLET_OPTIONS, sourcesOf(context));
  return [expandPath(settings.walletPath), settings.walletName, settings.walletHotkey];
}

/** Makes a new hotkey. */
export const createWalletFiles = (context: CommandContext): Promise<number> =>
  writeWallet(context, undefined);

const TO_IMPORT =
  "Give a mnemonic of 12 to 24 English words, a seed of 64 hexadecimal digits, or a key file with one of them.";

/** Makes the hotkey of a mnemonic or a seed in a file or on standard input: never of words in argv, where every user sees them. */
export async function importWallet(context: CommandContext): Promise<number> {
  const word = context.words![0]!;
  const isInput = word === "-";
  const path = isInput ? "/dev/stdin" : expandPath(word);
  if (!existsSync(path)) throw noSuchFile();
  // Whoever redirects a file has shown it already; the warning tells of its mode.
  const bytes = await readKeyFile(path, isInput ? "lax" : "strict");
  const { secretPhrase, secretSeed } = parseKeyfile(bytes, isInput ? "standard input" : path, TO_IMPORT);
  bytes.fill(0);
  if (secretPhrase) return await writeWallet(context, { mnemonic: secretPhrase });
  if (secretSeed)
    return await writeWallet(context, { seed: Uint8Array.fromHex(secretSeed.replace(/^0x/, "")) });
  throw new Failure<WalletCode>("wallet.malformed", {
    message: `${isInput ? "standard input" : path} holds neither a mnemonic nor a seed`,
    hint: TO_IMPORT,
  });
}

async function writeWallet(context: CommandContext, from: KeyOrigin | undefined): Promise<number> {
  const chosen = chosenWallet(context);
  const password = context.flags.encrypt === "true" ? await newPassword(context) : undefined;
  const { hotkey, mnemonic, files } = await createWallet(...chosen, {
    from,
    password,
    signal: context.signal,
  });
  const words =
    from === undefined
      ? ["", "Write these words down; whoever has them has the hotkey:", `  ${mnemonic}`]
      : [];
  context.print([`Hotkey   ${hotkey}`, ...files.map((file) => `File     ${file}`), ...words, ""].join("\n"));
  return EXIT.ok;
}

/** The password of a new key file, typed twice where a person types it. */
async function newPassword(context: CommandContext): Promise<Uint8Array> {
  const { settings } = loadConfiguration(WALLET_CREATE_OPTIONS, sourcesOf(context));
  const path = walletPaths(...chosenWallet(context)).hotkey;
  const terminal = ownTerminal();
  const { signal, environment } = context;
  const passwordFile =
    settings.walletPasswordFile === undefined ? undefined : expandPath(settings.walletPasswordFile);
  let isTyped = false;
  const onAsk = (): void => {
    isTyped = true;
  };
  const password = await findPassword(path, { environment, passwordFile, terminal, signal, onAsk });
  if (password === null || password.length === 0)
    throw new Failure<WalletCode>("wallet.needs-password", {
      message: "no password was given for the new key file",
      hint: waysToGiveAPassword(path),
    });
  if (!isTyped || terminal === undefined) return password;
  const again = await askPassword("Once more: ", terminal, signal);
  if (Buffer.compare(password, again) !== 0)
    throw new Failure<WalletCode>("wallet.bad-password-source", {
      message: "the two passwords differ",
      hint: "start again and type the same one twice; nothing was written",
    });
  again.fill(0);
  return password;
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

/** Repeats nothing of the word: it may be the secret itself, given where a file belongs. */
function noSuchFile(): Failure<WalletCode> {
  return new Failure("wallet.missing", {
    message: "there is no file of that name to import from",
    hint: "Give a file that holds the mnemonic or seed, or - for standard input. If it was the secret itself: others could read it in the list of processes, and a shell keeps it in its history.",
  });
}
