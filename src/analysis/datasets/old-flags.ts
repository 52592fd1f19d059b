import type { DatasetFormat, OldDatasetSettings } from "../../config/dataset-options.ts";

/** Where openvalidators 1.x put its runs. */
const OLD_PROJECT = "opentensor-dev/openvalidators";

export interface OldMeaning {
  format: DatasetFormat | undefined;
  out: string | undefined;
  /** Sources beside those that were named. */
  words: string[];
  /** What whoever wrote the old command line should know. */
  sentences: string[];
}

/** What the flags of the data collector of openvalidators 1.2.0 mean here. */
export function oldFlags(settings: OldDatasetSettings): OldMeaning {
  const sentences: string[] = [];
  const words: string[] = [];
  if (settings.wandbRunId !== undefined) words.push(`${OLD_PROJECT}/${settings.wandbRunId}`);
  else if (settings.downloadAll) words.push(OLD_PROJECT);
  if (words.length > 0)
    sentences.push(
      `Runs of W&B are read from where they were downloaded to: openvalidator wandb download --entity opentensor-dev --project openvalidators${
        settings.wandbRunId === undefined ? "" : ` --run ${settings.wandbRunId}`
      }`,
    );
  if (settings.includeTags !== undefined || settings.includeFlags !== undefined)
    sentences.push(
      "--include_tags chooses nothing here; give the tags to: openvalidator wandb download --tags",
    );
  const out = settings.exportPath?.replace(/\.(?:csv|jsonl?)$/, "");
  if (out !== undefined)
    sentences.push(
      `The dataset goes into the folder ${out}; a table of all events is made by: openvalidator events export --to csv`,
    );
  return { format: formatOf(settings), out, words, sentences };
}

/** OpenAI's form went before the others in 1.2.0. */
function formatOf(settings: OldDatasetSettings): DatasetFormat | undefined {
  if (settings.exportOpenaiDataset) return "openai";
  if (settings.exportMiningWithScoringDataset) return `mining-${settings.miningDatasetOutputFormat}-scored`;
  if (settings.exportMiningDataset) return `mining-${settings.miningDatasetOutputFormat}`;
  return undefined;
}
