import { readFileSync } from "node:fs";
import { knownLanguages } from "../../analysis/datasets/language.ts";
import { makeDataset } from "../../analysis/datasets/make.ts";
import type { Manifest } from "../../analysis/datasets/manifest.ts";
import { oldFlags } from "../../analysis/datasets/old-flags.ts";
import { datasetFailure, type Recipe } from "../../analysis/datasets/recipe.ts";
import { REASONS, type Reason } from "../../analysis/datasets/rows.ts";
import type { Shape } from "../../analysis/datasets/shape.ts";
import { checkRecipe, SHAPES } from "../../analysis/datasets/shapes.ts";
import { log } from "../../base/log.ts";
import { counted, jsonText } from "../../base/text.ts";
import { DATASET_OPTIONS, type DatasetSettings, OLD_DATASET_OPTIONS } from "../../config/dataset-options.ts";
import { badValue } from "../../config/kinds.ts";
import { loadConfiguration, originWords } from "../../config/load.ts";
import { expandPath } from "../../config/paths.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { type IdleFlag, refuseIdleFlags } from "../idle-flags.ts";
import { existingFile } from "../input-file.ts";
import { openEvents } from "../open-events.ts";
import { bytesText } from "../progress.ts";
import { renderTable } from "../table.ts";

/** Makes training data of events. */
export async function dataset(context: CommandContext): Promise<number> {
  const { settings, origins } = loadConfiguration(
    { ...DATASET_OPTIONS, ...OLD_DATASET_OPTIONS },
    sourcesOf(context),
  );
  const old = oldFlags(settings);
  for (const sentence of old.sentences) log.info(sentence);
  const recipe = recipeOf(
    { ...settings, format: settings.format ?? old.format },
    originWords(origins.language),
  );
  checkRecipe(recipe);
  const { format, dedupe, validation } = recipe;
  refuseIdleFlags(context, [
    ...["margin", "pairs"].map(
      (flag): IdleFlag => [flag, format !== "dpo-pairs", `on ${format}: it is of dpo-pairs`],
    ),
    ["near", dedupe !== "near", `without --dedupe near`],
    ["seed", validation === 0, "without --validation"],
    [
      "mining_dataset_output_format",
      !settings.exportMiningDataset && !settings.exportMiningWithScoringDataset,
      "without --export_mining_dataset or --export_mining_with_scoring_dataset",
    ],
  ]);
  const out = settings.out ?? old.out;
  if (out === undefined)
    throw datasetFailure("dataset.conflict", "no folder for the dataset is named", "name one with --out");
  const folder = expandPath(out);
  const words = [...(context.words ?? []), ...old.words];
  const opened = await openEvents(context, words, {
    keeps: true,
    writable: [folder],
    outputs: { folders: [folder] },
  });
  try {
    const manifest = await makeDataset(opened.warehouse, recipe, folder, context.signal);
    context.print(
      context.flags.json === "true"
        ? `${jsonText(manifest, 2)}\n`
        : summaryOf(manifest, SHAPES[recipe.format], out),
    );
  } finally {
    opened.close();
  }
  return EXIT.ok;
}

function recipeOf(settings: DatasetSettings, languageOrigin: string): Recipe {
  const { format, language } = settings;
  if (format === undefined)
    throw datasetFailure(
      "dataset.conflict",
      "no format is named",
      "for example --format dpo-pairs; --help shows them all; a table of all events is made by: openvalidator events export",
    );
  const known = language.length === 0 ? [] : knownLanguages();
  const strange = language.find((code) => !known.includes(code));
  if (strange !== undefined)
    throw badValue(
      "language",
      languageOrigin,
      `knows no "${strange}"; there are ${known.join(", ")}`,
      "dataset",
    );
  return {
    format,
    names: settings.names,
    uids: settings.uids,
    minReward: settings.minReward,
    minima: settings.min,
    counted: settings.counted,
    phrases: phrasesIn(settings.blacklistPath),
    dedupe: settings.dedupe,
    near: settings.near,
    languages: language,
    maxTokens: settings.maxTokens,
    privacy: settings.private,
    margin: settings.margin,
    pairs: settings.pairs,
    validation: settings.validation,
    seed: settings.seed,
    csvRaw: settings.csvRaw,
    license: settings.license,
  };
}

/** One phrase a line without the blanks around it, as in 1.2.0; an empty line is none. */
function phrasesIn(path: string | undefined): string[] {
  if (path === undefined) return [];
  const lines = readFileSync(existingFile(path, "the blacklist"), "utf8").split(/\r\n|\r|\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

function summaryOf(
  { files, seen, leftOut, replaced, neutralised, runs }: Manifest,
  { grain }: Shape,
  out: string,
): string {
  const rows = files.map(({ name, examples, bytes, sha256 }) => [
    name,
    examples,
    bytesText(bytes),
    sha256.slice(0, 16),
  ]);
  const lines = [renderTable(["file", "examples", "size", "sha256 begins"], rows).trimEnd(), ""];
  lines.push(
    `${seen} ${grain === "answers" ? "answers" : "best answers"} of ${counted(runs.length, "run")} seen`,
  );
  for (const [reason, words] of Object.entries(REASONS))
    if (leftOut[reason as Reason] !== undefined)
      lines.push(`  ${leftOut[reason as Reason]} left out: ${words}`);
  const marks = Object.entries(replaced).filter(([, count]) => count > 0);
  if (marks.length > 0)
    lines.push(`  private data replaced: ${marks.map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  if (neutralised > 0)
    lines.push(`  ${neutralised} cells marked, that no spreadsheet takes them for a formula`);
  lines.push(`Card: ${out}/README.md`);
  return `${lines.join("\n")}\n`;
}
