import {
  choice,
  decimal,
  integer,
  ipAddress,
  optional,
  path,
  size,
  sizeFrom,
  text,
  toggle,
  token,
  webAddress,
} from "./kinds.ts";
import { type OptionTable, option, rowsOf, type ValuesOf } from "./option.ts";
import { SCORING_OPTIONS } from "./scoring-options.ts";
import { TELEMETRY_OPTIONS } from "./telemetry-options.ts";
import { TEXT_FORMATS_SHOWN } from "./text-formats.ts";
import { AUTO_UPDATE_OPTIONS } from "./update-options.ts";
import { WANDB_OPTIONS } from "./wandb-options.ts";
import { WEIGHTS_OPTIONS } from "./weights-options.ts";

const seconds = decimal({ min: 0.1, max: 600 }, "SECONDS");
const uidCount = integer({ min: 1, max: 65_536 });
const port = integer({ min: 1, max: 65_535 }, "PORT");

/**
 * THE table of options: each is a flag, an environment variable (OPENVALIDATOR_ plus the flag in capitals, dots as
 * underscores) and a key of the config file, and reaches the code by the rule of `NameOf`. A new option is one row here.
 * Defaults are those of openvalidators 1.2.0 where it had the flag.
 */
export const OPTIONS = {
  "wallet.name": option(text, "default", "wallet", "Wallet (coldkey) name.", {
    env: ["BT_WALLET_NAME"],
  }),
  "wallet.hotkey": option(text, "default", "wallet", "Hotkey name inside the wallet.", {
    env: ["BT_WALLET_HOTKEY"],
  }),
  "wallet.path": option(path, "~/.bittensor/wallets", "wallet", "Folder that holds the wallets.", {
    env: ["BT_WALLET_PATH"],
  }),
  "wallet.lax_permissions": option(
    toggle,
    false,
    "wallet",
    "Accept a hotkey file that other users of this machine can read.",
  ),

  "wallet.password_file": option(
    optional(path),
    undefined,
    "wallet",
    "File or pipe with the password of an encrypted key (else BT_PW_… or a prompt).",
  ),

  netuid: option(integer({ min: 0, max: 65_535 }), 1, "chain", "Subnet to validate."),
  "subtensor.network": option(
    optional(text),
    undefined,
    "chain",
    "finney, test, archive, local, or an endpoint (default finney).",
    { env: ["BT_SUBTENSOR_NETWORK", "BT_NETWORK"] },
  ),
  "subtensor.chain_endpoint": option(
    optional(text),
    undefined,
    "chain",
    "Websocket endpoint; wins over the network. Several, with commas: the first preferred, others while it fails.",
    { env: ["BT_SUBTENSOR_CHAIN_ENDPOINT", "BT_CHAIN_ENDPOINT"] },
  ),
  "neuron.disable_set_weights": option(toggle, false, "chain", "Never set weights."),
  "dry-run": option(
    toggle,
    false,
    "chain",
    "Sign nothing for the chain: tell which weights would be set, and why.",
  ),
  "wait-registration": option(
    toggle,
    false,
    "chain",
    "Wait at the start until the hotkey is registered and holds a permit, in place of ending with exit code 78.",
  ),
  ...WEIGHTS_OPTIONS,
  "neuron.epoch_length_override": option(
    integer({ min: 0, max: 1_000_000 }, "BLOCKS"),
    0,
    "chain",
    "Blocks between two submissions of weights; 0 = the subnet's tempo.",
  ),
  "neuron.version_key": option(
    optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
    undefined,
    "chain",
    "Version key sent with weights (default: this program's).",
  ),
  "axon.port": option(port, 8091, "chain", "Port announced on chain."),
  "axon.ip": option(text, "[::]", "chain", "Local address, kept for old start lines; nothing listens on it."),
  "axon.external_ip": option(
    optional(ipAddress),
    undefined,
    "chain",
    "Public address announced on chain, IPv4 or IPv6 (default: asked for, and again every hour).",
  ),
  "axon.external_port": option(optional(port), undefined, "chain", "Public port announced on chain."),
  "neuron.axon_off": option(toggle, false, "chain", "Do not announce this validator on chain."),

  "neuron.name": option(
    text,
    "core_prompting_validator",
    "validator",
    "Name of this validator's state folder.",
  ),
  "neuron.num_concurrent_forwards": option(
    integer({ min: 1, max: 16 }),
    1,
    "validator",
    "Forward passes that run side by side.",
  ),
  "neuron.num_followup_steps": option(
    integer({ min: 0, max: 16 }),
    4,
    "validator",
    "Question-and-answer rounds after the summary.",
  ),
  "neuron.moving_average_alpha": option(
    decimal({ min: 0, max: 1 }),
    0.05,
    "validator",
    "Share of a step's reward in the moving score; 0.05 remembers about the last 39 answers of a miner, and brings a new one to 80 % of its place in 32.",
  ),
  "neuron.min_best_reward": option(
    decimal({ min: 0, max: 1 }),
    0.05,
    "validator",
    "Least reward of a best answer that the next prompt may build on; the forward pass ends below it.",
  ),
  "neuron.seed_scores_off": option(
    toggle,
    false,
    "validator",
    "Without a saved state begin with zeros, not with this validator's own weights on chain.",
  ),
  "neuron.checkpoint_block_length": option(
    integer({ min: 1, max: 10_000 }, "BLOCKS"),
    10,
    "validator",
    "Blocks between two reads of the metagraph.",
  ),
  "run.forwards": option(
    integer({ min: 0, max: 1_000_000_000 }),
    0,
    "validator",
    "Stop after so many forward passes; 0 = run until stopped.",
  ),
  "run.weights": option(
    integer({ min: 0, max: 1_000_000_000 }),
    0,
    "validator",
    "Stop after weights were set so often, and not before --run.forwards; 0 = do not wait for weights.",
  ),
  mock: option(
    toggle,
    false,
    "validator",
    "Validate a local subnet made for this run; needs no wallet, and keeps nothing but with --logging.logging_dir.",
  ),

  "neuron.followup_sample_size": option(uidCount, 50, "miners", "Miners asked for a question."),
  "neuron.followup_timeout": option(seconds, 10, "miners", "Time a miner has for a question."),
  "neuron.answer_sample_size": option(uidCount, 50, "miners", "Miners asked for an answer."),
  "neuron.answer_timeout": option(seconds, 10, "miners", "Time a miner has for an answer."),
  "neuron.cover": option(
    toggle,
    false,
    "miners",
    "Ask first who had no turn in this epoch, so that every miner is asked once where the samples suffice.",
  ),
  "neuron.vpermit_tao_limit": option(
    integer({ min: 0, max: Number.MAX_SAFE_INTEGER }, "TAO"),
    4096,
    "miners",
    "Permit holders with more stake than this are not asked.",
  ),
  "miners.allow_private": option(
    toggle,
    false,
    "miners",
    "Call loopback and private addresses (always so on a chain of your own, refused on every public one).",
  ),
  "miners.max_requests": option(
    integer({ min: 0, max: 1_000_000 }),
    50,
    "miners",
    "Most requests to one miner in five minutes; 0 = no limit.",
  ),
  "neuron.mock_dendrite_pool": option(
    toggle,
    false,
    "miners",
    "Ask reference miners on this machine in place of the subnet's (never sets weights).",
  ),

  ...SCORING_OPTIONS,
  ...TELEMETRY_OPTIONS,

  "data.source": option(
    optional(text),
    undefined,
    "data",
    `hf:OWNER/NAME, a ${TEXT_FORMATS_SHOWN} file, or several with commas (default: packaged).`,
    { env: ["OPENVALIDATOR_DATASET"] },
  ),
  "data.endpoint": option(
    optional(webAddress),
    undefined,
    "data",
    "Mirror of huggingface.co for the dataset.",
  ),
  "data.token": option(optional(token), undefined, "data", "Hugging Face token; from environment or file.", {
    env: ["HF_TOKEN"],
    secret: true,
  }),
  "neuron.mock_dataset": option(toggle, false, "data", "Use the packaged texts."),
  "neuron.events_retention_size": option(size, 2_000_000_000, "data", "Disk budget of the event journal."),
  "disk.max": option(
    optional(sizeFrom(100_000_000)),
    undefined,
    "data",
    "Disk budget of state, events and log file together; smaller limits of their own still hold.",
  ),
  "neuron.dont_save_events": option(toggle, false, "data", "Keep no event journal."),
  "neuron.disable_log_rewards": option(
    toggle,
    false,
    "data",
    "Leave the columns of the single models out of events.",
  ),

  ...WANDB_OPTIONS,
  ...AUTO_UPDATE_OPTIONS,

  "logging.logging_dir": option(path, "~/.bittensor/miners", "logs", "Folder of state and events."),
  "logging.debug": option(toggle, false, "logs", "Log debug lines."),
  "logging.trace": option(toggle, false, "logs", "Log everything."),
  "log.format": option(choice("auto", "pretty", "plain", "json"), "auto", "logs", "Form of log lines."),
  "log.file": option(optional(path), undefined, "logs", "File that gets every log line as well."),
  "log.file_size": option(size, 20_000_000, "logs", "Size at which a log file is put aside."),
  "log.file_count": option(
    integer({ min: 1, max: 1000 }),
    5,
    "logs",
    "Log files that are kept, the one that is written included.",
  ),
} as const satisfies OptionTable;

export type Settings = ValuesOf<typeof OPTIONS>;

/** Options of the log, which every command has. */
export const LOG_OPTIONS = rowsOf(
  OPTIONS,
  "logging.debug",
  "logging.trace",
  "log.format",
  "log.file",
  "log.file_size",
  "log.file_count",
);

/** What names the hotkey of a wallet. */
export const WALLET_OPTIONS = rowsOf(OPTIONS, "wallet.name", "wallet.hotkey", "wallet.path");

/** What makes a key file. */
export const WALLET_CREATE_OPTIONS = rowsOf(
  OPTIONS,
  "wallet.name",
  "wallet.hotkey",
  "wallet.path",
  "wallet.password_file",
);

/** What opens a key file. */
export const WALLET_OPEN_OPTIONS = {
  ...WALLET_CREATE_OPTIONS,
  ...rowsOf(OPTIONS, "wallet.lax_permissions"),
};

/** What names a validator's journal. */
export const JOURNAL_OPTIONS = rowsOf(
  OPTIONS,
  "wallet.name",
  "wallet.hotkey",
  "netuid",
  "neuron.name",
  "logging.logging_dir",
);

/** What `wandb sync` works with. */
export const WANDB_SYNC_OPTIONS = { ...JOURNAL_OPTIONS, ...rowsOf(OPTIONS, "wandb.weights_step_length") };
