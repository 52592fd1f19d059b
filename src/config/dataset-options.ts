import { choice, decimal, integer, type Kind, list, optional, path, text, toggle } from "./kinds.ts";
import { type OptionTable, option, type ValuesOf } from "./option.ts";

const DATASET_FORMATS = [
  "mining-json",
  "mining-json-scored",
  "mining-csv",
  "mining-csv-scored",
  "openai",
  "openai-chat",
  "sharegpt",
  "dpo-pairs",
  "reward-model",
  "parquet",
] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

/** A column of a model, mask or penalty with the least value that an answer must have there. */
export interface LeastValue {
  name: string;
  least: number;
}

const leastValue: Kind<LeastValue> = {
  hint: "NAME=VALUE",
  parse(value) {
    const mark = value.lastIndexOf("=");
    const least = Number(value.slice(mark + 1));
    if (mark < 1 || value.slice(mark + 1).trim() === "" || !Number.isFinite(least))
      throw new Error(`must be a column and its least value, such as relevance_filter=1, not "${value}"`);
    return { name: value.slice(0, mark), least };
  },
};

/** As Hugging Face's cards name licences. */
const licence: Kind<string> = {
  hint: "ID",
  parse(value) {
    if (!/^[a-z0-9][a-z0-9.+-]{0,60}$/.test(value))
      throw new Error(`must be an identifier such as cc-by-4.0, not "${value}"`);
    return value;
  },
};

const share = decimal({ min: 0, max: 1 });
/** Those of openvalidators 1.0 were not 0..1. */
const reward = decimal({ min: -1e6, max: 1e6 });

/** What `openvalidator dataset` takes. */
export const DATASET_OPTIONS = {
  format: option(
    optional({ ...choice(...DATASET_FORMATS), hint: "FORMAT" }),
    undefined,
    "analysis",
    `Form of the dataset: ${DATASET_FORMATS.join(", ")}.`,
  ),
  out: option(
    optional(path),
    undefined,
    "analysis",
    "Folder for it; one of ours there grows by what is new.",
  ),
  names: option(list(text), [], "analysis", "Only these tasks (answer) or steps (answer0)."),
  uids: option(
    list(integer({ min: 0, max: 65_535 }, "UID")),
    [],
    "analysis",
    "Only answers of these miners.",
  ),
  "min-reward": option(optional(reward), undefined, "analysis", "Only answers with this reward or more."),
  min: option(list(leastValue), [], "analysis", "Only answers with so much in these columns."),
  counted: option(toggle, false, "analysis", "Only steps that counted."),
  blacklist_path: option(
    optional(path),
    undefined,
    "analysis",
    "File of phrases, one a line; an answer that equals one is left out.",
  ),
  dedupe: option(
    choice("off", "exact", "near"),
    "off",
    "analysis",
    "Leave out examples that say the same as an earlier one, or nearly the same.",
  ),
  near: option(share, 0.8, "analysis", "Share of three-word groups that makes two answers nearly the same."),
  language: option(list(text), [], "analysis", "Only answers in these languages (en, de, …)."),
  "max-tokens": option(
    optional(integer({ min: 1, max: 10_000_000 })),
    undefined,
    "analysis",
    "Most tokens of prompt and answer, four bytes of UTF-8 being one.",
  ),
  private: option(
    choice("keep", "replace", "drop"),
    "keep",
    "analysis",
    "E-mail and IP addresses, phone and card numbers, keys: replace them by marks, or drop the answer.",
  ),
  margin: option(
    decimal({ min: 1e-6, max: 1e6 }),
    0.1,
    "analysis",
    "dpo-pairs: least difference of the rewards.",
  ),
  pairs: option(integer({ min: 1, max: 1_000 }), 1, "analysis", "dpo-pairs: most pairs of one step."),
  validation: option(
    decimal({ min: 0, max: 0.9 }),
    0,
    "analysis",
    "Share of the prompts that goes to a validation file.",
  ),
  seed: option(
    integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    0,
    "analysis",
    "Chooses the prompts of the validation file.",
  ),
  "csv-raw": option(
    toggle,
    false,
    "analysis",
    "CSV: leave cells as they are that a spreadsheet takes for a formula.",
  ),
  license: option(licence, "unknown", "analysis", "Licence for the dataset's card."),
} as const satisfies OptionTable;

export type DatasetSettings = ValuesOf<typeof DATASET_OPTIONS>;

const was = (help: string): string => `${help} (as in openvalidators 1.2.0).`;

/** Flags of the data collector of openvalidators 1.2.0, which old command lines may hold. */
export const OLD_DATASET_OPTIONS = {
  export_mining_dataset: option(toggle, false, "analysis", was("--format mining-json")),
  export_mining_with_scoring_dataset: option(toggle, false, "analysis", was("--format mining-json-scored")),
  export_openai_dataset: option(toggle, false, "analysis", was("--format openai")),
  mining_dataset_output_format: option(
    choice("json", "csv"),
    "json",
    "analysis",
    was("json or csv for the two mining flags"),
  ),
  export_path: option(optional(path), undefined, "analysis", was("--out, without the ending of a file")),
  download_all: option(
    toggle,
    false,
    "analysis",
    was("All downloaded runs of opentensor-dev/openvalidators"),
  ),
  wandb_run_id: option(
    optional(text),
    undefined,
    "analysis",
    was("One downloaded run of opentensor-dev/openvalidators"),
  ),
  include_tags: option(optional(text), undefined, "analysis", was("Belongs to wandb download as --tags")),
  include_flags: option(optional(text), undefined, "analysis", was("Older name of include_tags")),
} as const satisfies OptionTable;

export type OldDatasetSettings = ValuesOf<typeof OLD_DATASET_OPTIONS>;
