import { LOCALNET_OPTIONS } from "../config/localnet-options.ts";
import { LOG_OPTIONS, OPTIONS } from "../config/options.ts";
import type { Command } from "./command.ts";

const WALLET_OPTIONS = {
  walletName: OPTIONS.walletName,
  walletHotkey: OPTIONS.walletHotkey,
  walletPath: OPTIONS.walletPath,
  ...LOG_OPTIONS,
};

/** Every command, in the order of the help screen. The first is the default. */
export const COMMANDS: readonly Command[] = [
  {
    path: ["run"],
    summary: "Validate a subnet (the default command).",
    table: OPTIONS,
    examples: [
      "openvalidator --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1",
      "openvalidator run --mock",
    ],
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    path: ["localnet"],
    summary: "Start a subnet on this machine: a chain node and reference miners.",
    table: { ...LOCALNET_OPTIONS, ...LOG_OPTIONS },
    examples: ["openvalidator localnet --miners 16 --block-time 0.5"],
    load: async () => (await import("./commands/localnet.ts")).localnet,
  },
  {
    path: ["demo"],
    summary: "Run a validator on a local subnet for a minute and show what it found.",
    table: LOG_OPTIONS,
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  {
    path: ["wallet", "create"],
    summary: "Make a hotkey that btcli understands.",
    table: WALLET_OPTIONS,
    load: async () => (await import("./commands/wallet.ts")).createWalletFiles,
  },
  {
    path: ["wallet", "show"],
    summary: "Print the address of a hotkey.",
    table: WALLET_OPTIONS,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/wallet.ts")).showWallet,
  },
  {
    path: ["config", "show"],
    summary: "Print every setting of run with its origin; secrets stay hidden.",
    table: OPTIONS,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/config.ts")).showConfig,
  },
  {
    path: ["version"],
    summary: "Print the version.",
    table: {},
    switches: { json: "Print JSON with commit, build time and target." },
    load: async () => (await import("./commands/version.ts")).version,
  },
  {
    path: ["inference-worker"],
    summary: "Serve models to the parent process.",
    table: {},
    hidden: true,
    load: async () => (await import("./commands/inference-worker.ts")).inferenceWorker,
  },
];
