import { createHash } from "node:crypto";
import { Failure } from "../../base/error.ts";
import type { DatasetFormat, LeastValue } from "../../config/dataset-options.ts";

export type DatasetCode =
  /** The folder holds something that is no dataset of this program. */
  | "dataset.not-ours"
  /** The folder holds a dataset that was made by another recipe. */
  | "dataset.other-recipe"
  /** Another process writes to the folder. */
  | "dataset.busy"
  /** Two settings that cannot be had together, or one that is missing. */
  | "dataset.conflict"
  /** No example is left. */
  | "dataset.empty";

export function datasetFailure(code: DatasetCode, message: string, hint: string): Failure<DatasetCode> {
  return new Failure<DatasetCode>(code, { message, hint });
}

/** What of openvalidators 1.2.0 is made of follow-ups and answers alone, as its data collector did. */
const OLD_FORMATS: ReadonlySet<DatasetFormat> = new Set([
  "mining-json",
  "mining-json-scored",
  "mining-csv",
  "mining-csv-scored",
  "openai",
]);
const OLD_NAMES = ["followup", "answer"];

export type Dedupe = "off" | "exact" | "near";
export type Privacy = "keep" | "replace" | "drop";

/** Everything that decides what a dataset holds, apart from the events. */
export interface Recipe {
  format: DatasetFormat;
  /** Tasks (answer) or steps (answer0); none = the format's own. */
  names: readonly string[];
  /** None = all. */
  uids: readonly number[];
  minReward: number | undefined;
  /** Least value of a column, by its name. */
  minima: readonly LeastValue[];
  /** Leaves out steps that did not count. */
  counted: boolean;
  /** Completions that are left out: those that equal one. */
  phrases: readonly string[];
  dedupe: Dedupe;
  /** Similarity (Jaccard, 0..1) from which on two completions are nearly the same. */
  near: number;
  /** ISO 639-1; none = all. */
  languages: readonly string[];
  /** Of prompt and completion together, a token being four bytes of UTF-8. */
  maxTokens: number | undefined;
  privacy: Privacy;
  /** dpo-pairs: least difference of the rewards. */
  margin: number;
  /** dpo-pairs: most pairs of one step. */
  pairs: number;
  /** Share of the prompts that go to validation, 0..1. */
  validation: number;
  seed: number;
  /** CSV: leaves cells as they are that a spreadsheet would take for a formula. */
  csvRaw: boolean;
  /** Identifier for the card. */
  license: string;
}

export function namesOf({ names, format }: Pick<Recipe, "names" | "format">): readonly string[] {
  return names.length === 0 && OLD_FORMATS.has(format) ? OLD_NAMES : names;
}

/** The recipe as the manifest holds it: what two datasets must share to be continued one by the other. */
export function factsOf(recipe: Recipe): Record<string, unknown> {
  const { phrases, ...others } = recipe;
  const digest = createHash("sha256")
    .update(JSON.stringify([...phrases].sort()))
    .digest("hex");
  return {
    ...others,
    names: [...namesOf(recipe)].sort(),
    uids: [...recipe.uids].sort((a, b) => a - b),
    minima: [...recipe.minima].sort((a, b) => (a.name < b.name ? -1 : 1)),
    languages: [...recipe.languages].sort(),
    phrases: { count: new Set(phrases).size, sha256: digest },
    minReward: recipe.minReward ?? null,
    maxTokens: recipe.maxTokens ?? null,
  };
}

/** The command line that makes the same dataset; events and folder are the reader's own. */
export function commandOf(recipe: Recipe): string {
  const { format, minima, languages, privacy, dedupe } = recipe;
  const flags: [string, string | number | undefined | false][] = [
    ["names", recipe.names.length > 0 && [...recipe.names].sort().join(",")],
    ["uids", recipe.uids.length > 0 && [...recipe.uids].sort((a, b) => a - b).join(",")],
    ["min-reward", recipe.minReward],
    [
      "min",
      minima.length > 0 &&
        minima
          .map(({ name, least }) => `${name}=${least}`)
          .sort()
          .join(","),
    ],
    ["counted", recipe.counted && "true"],
    ["blacklist_path", recipe.phrases.length > 0 && "PHRASES"],
    ["dedupe", dedupe],
    ["near", dedupe === "near" && recipe.near],
    ["language", languages.length > 0 && [...languages].sort().join(",")],
    ["max-tokens", recipe.maxTokens],
    ["private", privacy !== "keep" && privacy],
    ["margin", format === "dpo-pairs" && recipe.margin],
    ["pairs", format === "dpo-pairs" && recipe.pairs],
    ["validation", recipe.validation > 0 && recipe.validation],
    ["seed", recipe.validation > 0 && recipe.seed],
    ["csv-raw", recipe.csvRaw && "true"],
    ["license", recipe.license !== "unknown" && recipe.license],
  ];
  const given = flags.flatMap(([flag, value]) =>
    value === undefined || value === false ? [] : [`--${flag} ${shellWord(String(value))}`],
  );
  return ["openvalidator dataset EVENTS", `--format ${format}`, ...given, "--out FOLDER"].join(" ");
}

function shellWord(text: string): string {
  return /^[\w.,:=/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
