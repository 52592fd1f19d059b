import {
  choice,
  decimal,
  devicePlan,
  integer,
  optional,
  path,
  size,
  text,
  toggle,
  webAddress,
} from "./kinds.ts";
import { type Option, type OptionTable, option, type ValuesOf } from "./option.ts";

const seconds = decimal({ min: 0.1, max: 600 }, "SECONDS");
const uidCount = integer({ min: 1, max: 65_536 });
const port = integer({ min: 1, max: 65_535 }, "PORT");
const weight = optional(decimal({ min: 0, max: 1 }));

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

  rewardDpoWeight: option(
    "reward.dpo_weight",
    weight,
    undefined,
    "rewards",
    "Weight of dpo (default: the profile's).",
  ),
  rewardRlhfWeight: option(
    "reward.rlhf_weight",
    weight,
    undefined,
    "rewards",
    "Weight of rlhf (default: the profile's).",
  ),
  rewardReciprocateWeight: option(
    "reward.reciprocate_weight",
    weight,
    undefined,
    "rewards",
    "Weight of reciprocate (default: the profile's).",
  ),
  rewardDahoasWeight: option(
    "reward.dahoas_weight",
    weight,
    undefined,
    "rewards",
    "Weight of dahoas (default: the profile's).",
  ),
  rewardPromptBasedWeight: option(
    "reward.prompt_based_weight",
    weight,
    undefined,
    "rewards",
    "Weight of prompt-based scoring (default: the profile's).",
  ),
  neuronBlacklistOff: option(
    "neuron.blacklist_off",
    toggle,
    false,
    "rewards",
    "Switch the blacklist mask off.",
  ),
  neuronNsfwOff: option("neuron.nsfw_off", toggle, false, "rewards", "Switch the NSFW mask off."),
  neuronRelevanceOff: option(
    "neuron.relevance_off",
    toggle,
    false,
    "rewards",
    "Switch the relevance mask off.",
  ),
  neuronDiversityOff: option(
    "neuron.diversity_off",
    toggle,
    false,
    "rewards",
    "Switch the diversity mask off.",
  ),
  neuronTaskValidatorOff: option(
    "neuron.task_validator_off",
    toggle,
    false,
    "rewards",
    "Switch the task mask off.",
  ),

  shadowOff: option("shadow.off", toggle, false, "rewards", "Compute no shadow scores with models."),
  shadowMiners: option(
    "shadow.miners",
    integer({ min: 0, max: 256 }),
    0,
    "rewards",
    "Answers of each step that other miners are asked to mark; the marks go to the events and into no reward.",
  ),

  gatingExplore: option(
    "gating.explore",
    decimal({ min: 0, max: 1 }),
    1,
    "gating",
    "Share of each sample drawn at random; the rest are the miners that the gating model scores highest.",
  ),
  gatingLearningRate: option(
    "gating.learning_rate",
    decimal({ min: 0, max: 10_000 }),
    0.01,
    "gating",
    "Learning rate of the gating layer.",
  ),
  gatingMomentum: option(
    "gating.momentum",
    decimal({ min: 0, max: 0.9999 }),
    0.9,
    "gating",
    "Momentum of the gating layer.",
  ),
  gatingNumUids: option(
    "gating.num_uids",
    integer({ min: 0, max: 65_536 }),
    0,
    "gating",
    "Rows made ahead in the gating layer; 0 = the subnet's size, and never fewer.",
  ),
  gatingModelName: option(
    "gating.model_name",
    optional(text),
    undefined,
    "gating",
    "Encoder of the gating model: an embedding model of openvalidator models list, by its id or hub name.",
  ),
  neuronUseCustomGatingModel: option(
    "neuron.use_custom_gating_model",
    toggle,
    false,
    "gating",
    "Encode prompts with a sentence encoder; always so here, kept for old start lines.",
  ),
  neuronMockGatingModel: option(
    "neuron.mock_gating_model",
    toggle,
    false,
    "gating",
    "Use the embedded encoder whatever --gating.model_name says.",
  ),

  neuronDevice: option(
    "neuron.device",
    // The roles of rewards/profile.ts, which this room cannot import; a test holds the two lists together.
    devicePlan(
      "dpo",
      "rlhf",
      "reciprocate",
      "dahoas",
      "prompt",
      "relevance",
      "diversity",
      "nsfw",
      "shadow",
      "gating",
    ),
    { device: "auto", byRole: {} },
    "models",
    "auto (a GPU when there is one), cpu, webgpu, webgpu:N or webgpu:NAME of openvalidator devices; then ,ROLE=DEVICE for single roles.",
  ),
  modelsMemory: option(
    "models.memory",
    optional(size),
    undefined,
    "models",
    "Most memory for the weights on each device (default: 80 % of what it has).",
  ),
  modelsDir: option(
    "models.dir",
    optional(path),
    undefined,
    "models",
    "Folder of the models (default: $XDG_DATA_HOME or ~/.local/share, openvalidator/models).",
  ),
  modelsMirror: option(
    "models.mirror",
    optional(webAddress),
    undefined,
    "models",
    "Base address to pull models from (default: https://huggingface.co).",
  ),
  modelsToken: option(
    "models.token",
    optional(text),
    undefined,
    "models",
    "Hugging Face token for models; from environment or file.",
    { env: ["HF_TOKEN"], secret: true },
  ),
  modelsProfile: option(
    "models.profile",
    text,
    "embedded",
    "models",
    "Which models score: embedded, lite, standard, legacy, or the path of a profile of your own.",
  ),
  neuronMockRewardModels: option(
    "neuron.mock_reward_models",
    toggle,
    false,
    "models",
    "Use the embedded models whatever the profile says.",
  ),

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
