import { LOCALNET_OPTIONS } from "../config/localnet-options.ts";
import { MODELS_IMPORT_OPTIONS, MODELS_OPTIONS, MODELS_PULL_OPTIONS } from "../config/models-options.ts";
import { JOURNAL_OPTIONS, LOG_OPTIONS, OPTIONS, WALLET_OPTIONS } from "../config/options.ts";
import type { Command } from "./command.ts";

/** Every command, in the order of the help screen. The first is the default. */
export const COMMANDS: readonly Command[] = [
  {
    path: ["run"],
    runsUntilStopped: true,
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
    runsUntilStopped: true,
    summary: "Start a subnet on this machine: a chain node and reference miners.",
    table: { ...LOCALNET_OPTIONS, ...LOG_OPTIONS },
    examples: ["openvalidator localnet --miners 16 --block-time 0.5"],
    load: async () => (await import("./commands/localnet.ts")).localnet,
  },
  {
    path: ["demo"],
    runsUntilStopped: true,
    summary: "Run a validator on a local subnet for a minute and show what it found.",
    table: LOG_OPTIONS,
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  {
    path: ["wallet", "create"],
    summary: "Make a hotkey that btcli understands.",
    table: { ...WALLET_OPTIONS, ...LOG_OPTIONS },
    load: async () => (await import("./commands/wallet.ts")).createWalletFiles,
  },
  {
    path: ["wallet", "show"],
    summary: "Print the address of a hotkey.",
    table: { ...WALLET_OPTIONS, ...LOG_OPTIONS },
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
    path: ["shadow"],
    summary: "Show how well shadow scores agree with the rewards.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "[FOLDER]", min: 0, max: 1 },
    examples: ["openvalidator shadow --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/shadow.ts")).shadow,
  },
  {
    path: ["models", "list"],
    summary: "List the models, what they are for, and which are here.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/models.ts")).listModels,
  },
  {
    path: ["models", "pull"],
    summary: "Download models and check them; goes on where it stopped.",
    table: { ...MODELS_PULL_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "[ID…]", min: 0, max: 32 },
    examples: [
      "openvalidator models pull all-mpnet-base-v2 --dtype fp16",
      "openvalidator models pull --profile legacy",
    ],
    load: async () => (await import("./commands/models.ts")).pull,
  },
  {
    path: ["models", "verify"],
    summary: "Read every file of the models that are here, and name the damaged ones.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "[ID…]", min: 0, max: 32 },
    load: async () => (await import("./commands/models.ts")).verify,
  },
  {
    path: ["models", "path"],
    summary: "Print the folder of a model.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID", min: 1, max: 1 },
    load: async () => (await import("./commands/models.ts")).printPath,
  },
  {
    path: ["models", "import"],
    summary: "Take a model from a folder, for machines without a network.",
    table: { ...MODELS_IMPORT_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID FOLDER", min: 2, max: 2 },
    load: async () => (await import("./commands/models.ts")).importFolder,
  },
  {
    path: ["models", "remove"],
    summary: "Delete a model.",
    table: { ...MODELS_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "ID", min: 1, max: 1 },
    load: async () => (await import("./commands/models.ts")).remove,
  },
  {
    path: ["devices"],
    summary: "List the GPUs that models can run on.",
    table: LOG_OPTIONS,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/devices.ts")).devices,
  },
  {
    path: ["version"],
    summary: "Print the version.",
    table: {},
    switches: { json: "Print JSON with commit, build time and target." },
    load: async () => (await import("./commands/version.ts")).version,
  },
  {
    path: ["key-derivation"],
    summary: "Derive the key of an encrypted hotkey for the parent process.",
    table: {},
    hidden: true,
    load: async () => (await import("./commands/key-derivation.ts")).keyDerivation,
  },
  {
    path: ["inference-worker"],
    summary: "Serve models to the parent process.",
    table: {},
    hidden: true,
    load: async () => (await import("./commands/inference-worker.ts")).inferenceWorker,
  },
];
