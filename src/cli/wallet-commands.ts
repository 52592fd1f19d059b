import {
  LOG_OPTIONS,
  WALLET_CREATE_OPTIONS,
  WALLET_OPEN_OPTIONS,
  WALLET_OPTIONS,
} from "../config/options.ts";
import type { Command } from "./command.ts";

const ENCRYPTED = {
  encrypt: "Encrypt the key file; the password comes from --wallet.password_file or a terminal.",
};

export const WALLET_COMMANDS: readonly Command[] = [
  {
    path: ["wallet", "create"],
    summary: "Make a hotkey that btcli understands.",
    table: { ...WALLET_CREATE_OPTIONS, ...LOG_OPTIONS },
    switches: ENCRYPTED,
    load: async () => (await import("./commands/wallet.ts")).createWalletFiles,
  },
  {
    path: ["wallet", "import"],
    summary: "Make the hotkey of a mnemonic or seed that lies in a file; - is standard input.",
    table: { ...WALLET_CREATE_OPTIONS, ...LOG_OPTIONS },
    switches: ENCRYPTED,
    words: { hint: "FILE", min: 1, max: 1 },
    load: async () => (await import("./commands/wallet.ts")).importWallet,
  },
  {
    path: ["wallet", "show"],
    summary: "Print the address of a hotkey.",
    table: { ...WALLET_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/wallet.ts")).showWallet,
  },
  {
    path: ["wallet", "sign"],
    summary: "Sign the message in a file or on standard input, with the hotkey or the coldkey.",
    table: { ...WALLET_OPEN_OPTIONS, ...LOG_OPTIONS },
    switches: {
      coldkey: "Sign with the coldkey, which nothing else opens.",
      bytes: "Wrap the message in <Bytes>…</Bytes>, as polkadot.js does.",
      hex: "The message is given in hexadecimal digits.",
      json: "Print JSON, with the names of btcli.",
    },
    words: { hint: "[FILE]", min: 0, max: 1 },
    examples: ["printf %s 'This is mine.' | openvalidator wallet sign --wallet.name my-wallet"],
    load: async () => (await import("./commands/wallet-message.ts")).signMessageOf,
  },
  {
    path: ["wallet", "verify"],
    summary: "Say whether a signature is of that address and of the message in a file or on standard input.",
    table: LOG_OPTIONS,
    switches: { hex: "The message is given in hexadecimal digits.", json: "Print JSON." },
    words: { hint: "ADDRESS SIGNATURE [FILE]", min: 2, max: 3 },
    examples: ["printf %s 'This is mine.' | openvalidator wallet verify ADDRESS SIGNATURE"],
    load: async () => (await import("./commands/wallet-message.ts")).verifyMessageOf,
  },
];
