import {
  choice,
  decimal,
  devicePlan,
  integer,
  list,
  optional,
  path,
  size,
  text,
  toggle,
  token,
  webAddress,
} from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

const weight = optional(decimal({ min: 0, max: 1 }));

/** Roles that a model can play, by the names that --neuron.device knows. */
export const MODEL_ROLES = [
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
] as const;
export type ModelRole = (typeof MODEL_ROLES)[number];

/** Rewards, masks, shadow scoring, routing, and the models behind them. */
export const SCORING_OPTIONS = {
  "reward.dpo_weight": option(weight, undefined, "rewards", "Weight of dpo (default: the profile's)."),
  "reward.rlhf_weight": option(weight, undefined, "rewards", "Weight of rlhf (default: the profile's)."),
  "reward.reciprocate_weight": option(
    weight,
    undefined,
    "rewards",
    "Weight of reciprocate (default: the profile's).",
  ),
  "reward.dahoas_weight": option(weight, undefined, "rewards", "Weight of dahoas (default: the profile's)."),
  "reward.prompt_based_weight": option(
    weight,
    undefined,
    "rewards",
    "Weight of prompt-based scoring (default: the profile's).",
  ),
  "neuron.blacklist_off": option(toggle, false, "rewards", "Switch the blacklist mask off."),
  "neuron.nsfw_off": option(toggle, false, "rewards", "Switch the NSFW mask off."),
  "neuron.relevance_off": option(toggle, false, "rewards", "Switch the relevance mask off."),
  "neuron.diversity_off": option(toggle, false, "rewards", "Switch the diversity mask off."),
  "neuron.task_validator_off": option(toggle, false, "rewards", "Switch the task mask off."),
  "neuron.form_off": option(toggle, false, "rewards", "Switch the form mask off."),
  "neuron.order_off": option(toggle, false, "rewards", "Switch the word order mask off."),
  "neuron.borrowing_off": option(toggle, false, "rewards", "Switch the borrowing mask off."),
  "neuron.contradiction_off": option(toggle, false, "rewards", "Switch the contradiction mask off."),
  "neuron.fit_off": option(toggle, false, "rewards", "Switch the mask of the task's fit off."),
  "neuron.ngram_blacklist": option(
    toggle,
    false,
    "rewards",
    "Blacklist phrases of 5 to 10 words that become a fashion among miners.",
  ),
  "reward.penalties": option(
    list(choice("content-match", "keyword-match", "task-validation")),
    [],
    "rewards",
    "Penalties that lower the reward of answers, besides the profile's.",
  ),
  "reward.keywords": option(
    list(text),
    [],
    "rewards",
    "Words or phrases that cost an answer its reward with --reward.penalties keyword-match.",
  ),

  "reward.time_weight": option(
    decimal({ min: 0, max: 1 }),
    0,
    "rewards",
    "Most of a reward that a slow answer loses: it keeps 1 - this x seconds taken / timeout. 0 = time counts for nothing.",
  ),

  "shadow.off": option(toggle, false, "rewards", "Compute no shadow scores with models."),
  "shadow.miners": option(
    integer({ min: 0, max: 256 }),
    0,
    "rewards",
    "Answers of each step that other miners are asked to mark; the marks go to the events and into no reward.",
  ),

  "gating.explore": option(
    decimal({ min: 0, max: 1 }),
    1,
    "gating",
    "Share of each sample drawn at random; the rest are the miners that the gating model scores highest.",
  ),
  "gating.learning_rate": option(
    decimal({ min: 0, max: 10_000 }),
    0.01,
    "gating",
    "Learning rate of the gating layer.",
  ),
  "gating.momentum": option(decimal({ min: 0, max: 0.9999 }), 0.9, "gating", "Momentum of the gating layer."),
  "gating.num_uids": option(
    integer({ min: 0, max: 65_536 }),
    0,
    "gating",
    "Rows made ahead in the gating layer; 0 = the subnet's size, and never fewer.",
  ),
  "gating.model_name": option(
    optional(text),
    undefined,
    "gating",
    "Encoder of the gating model: an embedding model of openvalidator models list, by its id or hub name.",
  ),
  "neuron.use_custom_gating_model": option(
    toggle,
    false,
    "gating",
    "Encode prompts with a sentence encoder; always so here, kept for old start lines.",
  ),
  "neuron.mock_gating_model": option(
    toggle,
    false,
    "gating",
    "Use the embedded encoder whatever --gating.model_name says.",
  ),

  "neuron.device": option(
    devicePlan(...MODEL_ROLES),
    { device: "auto", byRole: {} },
    "models",
    "auto (a GPU when there is one), cpu, webgpu, webgpu:N or webgpu:NAME of openvalidator devices; then ,ROLE=DEVICE for single roles.",
  ),
  "models.memory": option(
    optional(size),
    undefined,
    "models",
    "Most memory for the weights on each device (default: 80 % of what it has).",
  ),
  "models.dir": option(
    optional(path),
    undefined,
    "models",
    "Folder of the models (default: $XDG_DATA_HOME or ~/.local/share, openvalidator/models).",
  ),
  "models.mirror": option(
    optional(webAddress),
    undefined,
    "models",
    "Base address to pull models from (default: https://huggingface.co).",
  ),
  "models.token": option(
    optional(token),
    undefined,
    "models",
    "Hugging Face token for models; from environment or file.",
    { env: ["HF_TOKEN"], secret: true },
  ),
  "models.profile": option(
    optional(text),
    undefined,
    "models",
    "Which models score: embedded, lite, standard, legacy, or a file of your own (default: by network and GPU).",
  ),
  "models.offline": option(
    toggle,
    false,
    "models",
    "Download no model at the start: what a public network needs must be here.",
  ),
  "neuron.mock_reward_models": option(
    toggle,
    false,
    "models",
    "Use the embedded models whatever the profile says.",
  ),
} as const satisfies OptionTable;
