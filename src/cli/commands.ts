import { MINERS_OPTIONS } from "../config/miners-options.ts";
import { JOURNAL_OPTIONS, LOG_OPTIONS, OPTIONS, WANDB_SYNC_OPTIONS } from "../config/options.ts";
import { INSTALL_OPTIONS, SERVICE_OPTIONS } from "../config/service-options.ts";
import { ALERT_OPTIONS } from "../config/telemetry-options.ts";
import { WANDB_DOWNLOAD_OPTIONS } from "../config/wandb-options.ts";
import { ANALYSIS_COMMANDS } from "./analysis-commands.ts";
import type { Command } from "./command.ts";
import { LOCALNET_COMMANDS } from "./localnet-commands.ts";
import { MODELS_COMMANDS } from "./models-commands.ts";
import { SELF_UPDATE_OPTIONS, UPDATE_WORKER_OPTIONS } from "./update/updater-command.ts";
import { WALLET_COMMANDS } from "./wallet-commands.ts";

const OF_A_USER = { user: "The service of this user, which needs no root." };
const OF_INSTALLING = { "allow-downgrade": "Also in place of a newer version that is there." };

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
  ...LOCALNET_COMMANDS,
  {
    path: ["demo"],
    runsUntilStopped: true,
    summary: "Run a validator on a local subnet for a minute and show what it found.",
    table: LOG_OPTIONS,
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  {
    path: ["doctor"],
    summary: "Look at everything that run needs, with the same flags, and say how to mend it.",
    table: OPTIONS,
    judgesSettings: true,
    switches: {
      json: "Print JSON.",
      offline: "Ask neither the chain nor any other server; takes some seconds at most.",
      deep: "Also open an encrypted key, hash every model and read every event.",
    },
    examples: ["openvalidator doctor --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => {
      const { doctor } = await import("./commands/doctor.ts");
      return (context) =>
        doctor(
          context,
          COMMANDS.map(({ table }) => table),
        );
    },
  },
  ...WALLET_COMMANDS,
  {
    path: ["config", "show"],
    summary: "Print every setting of run with its origin; secrets stay hidden.",
    table: OPTIONS,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/config.ts")).showConfig,
  },
  {
    path: ["config", "init"],
    summary: "Write a config file that explains every setting of run; overwrites none.",
    table: LOG_OPTIONS,
    words: { hint: "[FILE]", min: 0, max: 1 },
    load: async () => (await import("./commands/config.ts")).initConfig,
  },
  ...ANALYSIS_COMMANDS,
  {
    path: ["miners"],
    runsUntilStopped: true,
    summary: "Show the miners with scores and rewards, or of one why it has its score.",
    table: { ...MINERS_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { watch: "Show it again every two seconds.", json: "Print JSON." },
    words: { hint: "[FOLDER]", min: 0, max: 1 },
    examples: ["openvalidator miners --uid 7 --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/miners.ts")).miners,
  },
  {
    path: ["metrics", "dashboard"],
    summary: "Print a dashboard for Grafana.",
    table: {},
    load: async () => (await import("./commands/metrics.ts")).printDashboard,
  },
  {
    path: ["metrics", "rules"],
    summary: "Print alert rules for Prometheus.",
    table: {},
    load: async () => (await import("./commands/metrics.ts")).printRules,
  },
  {
    path: ["alert", "test"],
    summary: "Send a test alarm to --alert.url.",
    table: { ...ALERT_OPTIONS, ...LOG_OPTIONS },
    load: async () => (await import("./commands/alert.ts")).testAlert,
  },
  {
    path: ["status"],
    runsUntilStopped: true,
    summary: "Show how a running validator is; exit code 0 healthy, 1 not, 69 none runs.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { watch: "Show it again every two seconds.", json: "Print JSON." },
    examples: ["openvalidator status --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/status.ts")).status,
  },
  {
    path: ["state", "show"],
    summary: "Show what a validator's saved state holds.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON, with all scores." },
    examples: ["openvalidator state show --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/state.ts")).showState,
  },
  {
    path: ["state", "backup"],
    summary: "Copy the saved state to a file, also while the validator runs.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "FILE", min: 1, max: 1 },
    load: async () => (await import("./commands/state.ts")).backup,
  },
  {
    path: ["state", "reset"],
    summary: "Move the saved state aside, so that the next run starts without one.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    load: async () => (await import("./commands/state.ts")).reset,
  },
  {
    path: ["weights", "show"],
    summary: "Show weights on chain, who set them, what would be set now and why, and the last windows.",
    table: OPTIONS,
    switches: { json: "Print JSON." },
    examples: ["openvalidator weights show --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/weights.ts")).showWeights,
  },
  ...MODELS_COMMANDS,
  {
    path: ["devices"],
    summary: "List the GPUs that models can run on.",
    table: LOG_OPTIONS,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/devices.ts")).devices,
  },
  {
    path: ["install"],
    summary: "Lay out a folder of releases with this program; starts nothing.",
    table: { ...INSTALL_OPTIONS, ...LOG_OPTIONS },
    switches: { user: "Below your home, which needs no root.", ...OF_INSTALLING, json: "Print JSON." },
    examples: ["sudo ./openvalidator install", "./openvalidator install --user"],
    load: async () => (await import("./commands/install.ts")).install,
  },
  {
    path: ["service", "install"],
    summary: "Make a systemd service of this validator and start it.",
    table: SERVICE_OPTIONS,
    switches: { ...OF_A_USER, ...OF_INSTALLING },
    examples: [
      "sudo ./openvalidator service install --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1",
      "./openvalidator service install --user --from-pm2 'pm2 start run.sh --name x -- --wallet.name W'",
    ],
    load: async () => (await import("./commands/service.ts")).install,
  },
  {
    path: ["service", "print"],
    summary: "Print what service install would write.",
    table: SERVICE_OPTIONS,
    switches: OF_A_USER,
    load: async () => (await import("./commands/service.ts")).printService,
  },
  {
    path: ["service", "status"],
    summary: "Show what systemd says of the service.",
    table: LOG_OPTIONS,
    switches: { ...OF_A_USER, json: "Print JSON." },
    load: async () => (await import("./commands/service.ts")).serviceStatus,
  },
  {
    path: ["service", "uninstall"],
    summary: "Stop the service and take its unit away; state and settings stay.",
    table: LOG_OPTIONS,
    switches: OF_A_USER,
    load: async () => (await import("./commands/service.ts")).uninstall,
  },
  {
    path: ["self-update"],
    summary: "Go to the newest release, signed and tried; --rollback goes back.",
    table: SELF_UPDATE_OPTIONS,
    switches: {
      check: "Only look; exit code 10 when there is a release to go to.",
      "dry-run": "Say what would be done, and do nothing.",
      now: "Wait neither for this machine's turn in a roll-out nor for a quiet moment.",
      rollback: "Go back to the release before.",
      "if-unconfirmed": "With --rollback: only from a release that has not shown yet that it is well.",
      "allow-downgrade": "With --version: also to an older one that can read what is there.",
      unattended: "For timers: as --auto-update says (on), and not at the same moment as all others.",
      user: "With --restart: a unit of this user.",
      json: "Print JSON.",
    },
    examples: ["openvalidator self-update --check", "openvalidator self-update --version 1.2.3"],
    load: async () => (await import("./commands/self-update.ts")).selfUpdate,
  },
  {
    path: ["wandb", "login"],
    summary: "Check a W&B key and keep it in ~/.netrc.",
    table: LOG_OPTIONS,
    examples: ["openvalidator wandb login", "openvalidator wandb login < key-file"],
    load: async () => (await import("./commands/wandb.ts")).login,
  },
  {
    path: ["wandb", "sync"],
    summary: "Send the rows that wait on disk to W&B.",
    table: { ...WANDB_SYNC_OPTIONS, ...LOG_OPTIONS },
    examples: ["openvalidator wandb sync --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/wandb.ts")).sync,
  },
  {
    path: ["wandb", "download"],
    summary: "Download runs of W&B for analysis; goes on where it stopped.",
    table: { ...WANDB_DOWNLOAD_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    examples: [
      "openvalidator wandb download --tags 1.2.0,netuid_1 --since 30d",
      "openvalidator wandb download --entity me --project openvalidators --all",
    ],
    load: async () => (await import("./commands/wandb.ts")).download,
  },
  {
    path: ["wandb", "export"],
    summary: "Write the runs that wait on disk as .wandb files, for the official client.",
    table: { ...WANDB_SYNC_OPTIONS, ...LOG_OPTIONS },
    words: { hint: "FOLDER", min: 1, max: 1 },
    switches: { all: "Also runs that W&B has, made from the journal." },
    examples: ["openvalidator wandb export ./runs && wandb sync ./runs/wandb/offline-run-*"],
    load: async () => (await import("./commands/wandb.ts")).exportFiles,
  },
  {
    path: ["completion"],
    summary: "Print a script that completes commands and flags: bash, zsh or fish.",
    table: {},
    words: { hint: "SHELL", min: 1, max: 1 },
    examples: [
      "openvalidator completion bash | sudo tee /etc/bash_completion.d/openvalidator",
      "openvalidator completion zsh | sudo tee /usr/local/share/zsh/site-functions/_openvalidator",
      "openvalidator completion fish > ~/.config/fish/completions/openvalidator.fish",
    ],
    load: async () => {
      const { completion } = await import("./commands/completion.ts");
      return (context) => completion(context, COMMANDS);
    },
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
    path: ["update-worker"],
    summary: "Look for a release, judge it or take it back; started by a supervising parent.",
    hidden: true,
    table: UPDATE_WORKER_OPTIONS,
    load: async () => (await import("./commands/self-update.ts")).updateWorker,
  },
  {
    path: ["inference-worker"],
    summary: "Serve models to the parent process.",
    table: {},
    hidden: true,
    load: async () => (await import("./commands/inference-worker.ts")).inferenceWorker,
  },
];
