import { choice, decimal, integer, optional, path, size, text, toggle } from "./kinds.ts";
import { type Option, type OptionTable, option, type ValuesOf } from "./option.ts";
import { SCORING_OPTIONS } from "./scoring-options.ts";

const seconds = decimal({ min: 0.1, max: 600 }, "SECONDS");
const uidCount = integer({ min: 1, max: 65_536 });
const port = integer({ min: 1, max: 65_535 }, "PORT");

/**
 * THE table of options: each is a flag, an environment variable (OPENVALIDATOR_ plus the flag in capitals, dots as
 * underscores) and a key of the config file. Defaults are those of openvalidators 1.2.0 where it had the flag.
 */
export const OPTIONS = {
  walletName: option("wallet.name", text, "default", "wallet", "Wallet (coldkey) name.", {
    env: ["BT_WALLET_NAME"],
  }),
  walletHotkey: option("wallet.hotkey", text, "default", "wallet", "Hotkey name inside the wallet.", {
    env: ["BT_WALLET_HOTKEY"],
  }),
  walletPath: option(
    "wallet.path",
    path,
    "~/.bittensor/wallets",
    "wallet",
    "Folder that holds the wallets.",
    {
      env: ["BT_WALLET_PATH"],
    },
  ),
  walletLaxPermissions: option(
    "wallet.lax_permissions",
    toggle,
    false,
    "wallet",
    "Accept a hotkey file that other users of this machine can read.",
  ),

  walletPasswordFile: option(
    "wallet.password_file",
    optional(path),
    undefined,
    "wallet",
    "File with the password of an encrypted hotkey (else BT_PW_… or a prompt).",
  ),

  netuid: option("netuid", integer({ min: 0, max: 65_535 }), 1, "chain", "Subnet to validate."),
  subtensorNetwork: option(
    "subtensor.network",
    optional(text),
    undefined,
    "chain",
    "finney, test, archive, local, or an endpoint (default finney).",
    { env: ["BT_SUBTENSOR_NETWORK", "BT_NETWORK"] },
  ),
  subtensorChainEndpoint: option(
    "subtensor.chain_endpoint",
    optional(text),
    undefined,
    "chain",
    "Websocket endpoint; wins over the network. Several, with commas, are tried in turn.",
    { env: ["BT_SUBTENSOR_CHAIN_ENDPOINT", "BT_CHAIN_ENDPOINT"] },
  ),
  neuronDisableSetWeights: option("neuron.disable_set_weights", toggle, false, "chain", "Never set weights."),
  neuronEpochLengthOverride: option(
    "neuron.epoch_length_override",
    integer({ min: 0, max: 1_000_000 }, "BLOCKS"),
    0,
    "chain",
    "Blocks between two submissions of weights; 0 = the subnet's tempo.",
  ),
  neuronVersionKey: option(
    "neuron.version_key",
    optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
    undefined,
    "chain",
    "Version key sent with weights (default: this program's).",
  ),
  axonPort: option("axon.port", port, 8091, "chain", "Port announced on chain."),
  axonIp: option(
    "axon.ip",
    text,
    "[::]",
    "chain",
    "Local address, kept for old start lines; nothing listens on it.",
  ),
  axonExternalIp: option(
    "axon.external_ip",
    optional(text),
    undefined,
    "chain",
    "Public address announced on chain.",
  ),
  axonExternalPort: option(
    "axon.external_port",
    optional(port),
    undefined,
    "chain",
    "Public port announced on chain.",
  ),
  neuronAxonOff: option(
    "neuron.axon_off",
    toggle,
    false,
    "chain",
    "Do not announce this validator on chain.",
  ),

  neuronName: option(
    "neuron.name",
    text,
    "core_prompting_validator",
    "validator",
    "Name of this validator's state folder.",
  ),
  neuronNumConcurrentForwards: option(
    "neuron.num_concurrent_forwards",
    integer({ min: 1, max: 16 }),
    1,
    "validator",
    "Forward passes that run side by side.",
  ),
  neuronNumFollowupSteps: option(
    "neuron.num_followup_steps",
    integer({ min: 0, max: 16 }),
    4,
    "validator",
    "Question-and-answer rounds after the summary.",
  ),
  neuronMovingAverageAlpha: option(
    "neuron.moving_average_alpha",
    decimal({ min: 0, max: 1 }),
    0.05,
    "validator",
    "Share of a step's reward in the moving score.",
  ),
  neuronCheckpointBlockLength: option(
    "neuron.checkpoint_block_length",
    integer({ min: 1, max: 10_000 }, "BLOCKS"),
    10,
    "validator",
    "Blocks between two reads of the metagraph.",
  ),
  runForwards: option(
    "run.forwards",
    integer({ min: 0, max: 1_000_000_000 }),
    0,
    "validator",
    "Stop after so many forward passes; 0 = run until stopped.",
  ),
  mock: option(
    "mock",
    toggle,
    false,
    "validator",
    "Validate a local subnet made for this run; needs no wallet.",
  ),

  neuronFollowupSampleSize: option(
    "neuron.followup_sample_size",
    uidCount,
    50,
    "miners",
    "Miners asked for a question.",
  ),
  neuronFollowupTimeout: option(
    "neuron.followup_timeout",
    seconds,
    10,
    "miners",
    "Time a miner has for a question.",
  ),
  neuronAnswerSampleSize: option(
    "neuron.answer_sample_size",
    uidCount,
    50,
    "miners",
    "Miners asked for an answer.",
  ),
  neuronAnswerTimeout: option(
    "neuron.answer_timeout",
    seconds,
    10,
    "miners",
    "Time a miner has for an answer.",
  ),
  neuronVpermitTaoLimit: option(
    "neuron.vpermit_tao_limit",
    integer({ min: 0, max: Number.MAX_SAFE_INTEGER }, "TAO"),
    4096,
    "miners",
    "Permit holders with more stake than this are not asked.",
  ),
  minersAllowPrivate: option(
    "miners.allow_private",
    toggle,
    false,
    "miners",
    "Call loopback and private addresses (always on for a loopback chain; refused on finney).",
  ),
  neuronMockDendritePool: option(
    "neuron.mock_dendrite_pool",
    toggle,
    false,
    "miners",
    "Ask reference miners on this machine in place of the subnet's (never sets weights).",
  ),

  ...SCORING_OPTIONS,

  dataSource: option(
    "data.source",
    optional(text),
    undefined,
    "data",
    "hf:OWNER/NAME, a .txt, .jsonl or .parquet file, or several with commas (default: packaged).",
    { env: ["OPENVALIDATOR_DATASET"] },
  ),
  dataEndpoint: option(
    "data.endpoint",
    optional(text),
    undefined,
    "data",
    "Mirror of huggingface.co for the dataset.",
  ),
  dataToken: option(
    "data.token",
    optional(text),
    undefined,
    "data",
    "Hugging Face token; from environment or file.",
    {
      env: ["HF_TOKEN"],
      secret: true,
    },
  ),
  neuronMockDataset: option("neuron.mock_dataset", toggle, false, "data", "Use the packaged texts."),
  neuronEventsRetentionSize: option(
    "neuron.events_retention_size",
    size,
    2_000_000_000,
    "data",
    "Disk budget of the event journal.",
  ),
  neuronDontSaveEvents: option("neuron.dont_save_events", toggle, false, "data", "Keep no event journal."),
  neuronDisableLogRewards: option(
    "neuron.disable_log_rewards",
    toggle,
    false,
    "data",
    "Leave the columns of the single models out of events.",
  ),

  loggingDir: option(
    "logging.logging_dir",
    path,
    "~/.bittensor/miners",
    "logs",
    "Folder of state and events.",
  ),
  loggingDebug: option("logging.debug", toggle, false, "logs", "Log debug lines."),
  loggingTrace: option("logging.trace", toggle, false, "logs", "Log everything."),
  logFormat: option(
    "log.format",
    choice("auto", "pretty", "plain", "json"),
    "auto",
    "logs",
    "Form of log lines.",
  ),
} as const satisfies Readonly<Record<string, Option<unknown>>>;

export type Settings = ValuesOf<typeof OPTIONS>;

/** Options of the log, which every command has. */
export const LOG_OPTIONS = {
  loggingDebug: OPTIONS.loggingDebug,
  loggingTrace: OPTIONS.loggingTrace,
  logFormat: OPTIONS.logFormat,
} as const satisfies OptionTable;

/** What names a validator's journal. */
export const JOURNAL_OPTIONS = {
  walletName: OPTIONS.walletName,
  walletHotkey: OPTIONS.walletHotkey,
  netuid: OPTIONS.netuid,
  neuronName: OPTIONS.neuronName,
  loggingDir: OPTIONS.loggingDir,
} as const satisfies OptionTable;
