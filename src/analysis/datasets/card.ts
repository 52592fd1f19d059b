import { jsonText, pluralOf } from "../../base/text.ts";
import { VERSION } from "../../config/version.ts";
import { FORMULA_PATTERN } from "../cells.ts";
import type { DatasetFile, Manifest } from "./manifest.ts";
import { PRIVATE_KINDS } from "./private-text.ts";
import { commandOf, type Recipe } from "./recipe.ts";
import { BYTES_PER_TOKEN, REASONS, type Reason } from "./rows.ts";
import type { Feature } from "./shape.ts";
import { SHAPES } from "./shapes.ts";

/** Runs that the card names; the manifest has them all. */
const RUNS_SHOWN = 50;
/** As Hugging Face groups datasets by size. */
const SIZES: readonly [below: number, name: string][] = [
  [1e3, "n<1K"],
  [1e4, "1K<n<10K"],
  [1e5, "10K<n<100K"],
  [1e6, "100K<n<1M"],
  [1e7, "1M<n<10M"],
  [Number.POSITIVE_INFINITY, "10M<n<100M"],
];

/** The dataset card: YAML for Hugging Face, then what people want to know. No time and no path of this machine is in it. */
export function cardOf(recipe: Recipe, manifest: Manifest, features: readonly Feature[]): string {
  const { files, runs, seen, leftOut } = manifest;
  const sum = files.reduce((total, { examples }) => total + examples, 0);
  return `${head(recipe, files, features, sum)}
# Answers of Bittensor miners: ${recipe.format}

${SHAPES[recipe.format].example} Made by openvalidator ${VERSION} from the events of ${runs.length} validator ${pluralOf(
    runs.length,
    "run",
  )}.

| file | split | examples | bytes | SHA-256 |
|---|---|---:|---:|---|
${files.map(({ name, split, examples, bytes, sha256 }) => `| ${name} | ${split} | ${examples} | ${bytes} | \`${sha256}\` |`).join("\n")}

## How to make it again

\`\`\`sh
${commandOf(recipe)}
\`\`\`

EVENTS are the journals of the runs below${recipe.phrases.length > 0 ? "; PHRASES is the blacklist, one a line" : ""}. The same events give the
same bytes, in whatever order they are named, at once or bit by bit: the command in the same folder adds what is new.

## What was left out

Of ${seen} ${SHAPES[recipe.format].grain === "answers" ? "answers" : "best answers"}:

${leftOutLines(leftOut)}
${rules(recipe, manifest).join("\n")}

## Source runs

| run | netuid | validator | steps | from | to |
|---|---:|---|---:|---|---|
${runs
  .slice(0, RUNS_SHOWN)
  .map((run) => `| ${[run.run, run.netuid, run.hotkey, run.steps, run.from, run.to].map(cell).join(" | ")} |`)
  .join("\n")}
${runs.length > RUNS_SHOWN ? `\nand ${runs.length - RUNS_SHOWN} more in manifest.json\n` : ""}
## Licence and content

${recipe.license === "unknown" ? "Whoever publishes this says under which licence (`--license`)." : `Published under \`${recipe.license}\`.`} Prompts hold texts of the dataset that the validator read, and keep its licence;
completions were written by the subnet's miners, mostly by language models, and may be wrong, copied, biased or offensive.
`;
}

function head(
  recipe: Recipe,
  files: readonly DatasetFile[],
  features: readonly Feature[],
  sum: number,
): string {
  const lines = [`license: ${JSON.stringify(recipe.license)}`];
  if (recipe.languages.length > 0)
    lines.push(
      "language:",
      ...[...recipe.languages].sort().map((language) => `- ${JSON.stringify(language)}`),
    );
  lines.push(
    "task_categories:",
    "- text-generation",
    "tags:",
    "- bittensor",
    `- ${recipe.format}`,
    "size_categories:",
    `- ${SIZES.find(([below]) => sum < below)![1]}`,
  );
  if (features.length > 0) {
    lines.push("configs:", "- config_name: default", "  data_files:");
    for (const { split, name } of files) lines.push(`  - split: ${split}`, `    path: ${name}`);
    lines.push("dataset_info:", "  features:", ...featureLines(features, "  "));
  }
  return `---\n${lines.join("\n")}\n---\n`;
}

function featureLines(features: readonly Feature[], indent: string): string[] {
  return features.flatMap((feature) => {
    const first = `${indent}- name: ${jsonText(feature.name)}`;
    if ("dtype" in feature) return [first, `${indent}  dtype: ${feature.dtype}`];
    if ("struct" in feature)
      return [first, `${indent}  struct:`, ...featureLines(feature.struct, `${indent}  `)];
    if (typeof feature.list === "string") return [first, `${indent}  list: ${feature.list}`];
    return [first, `${indent}  list:`, ...featureLines(feature.list, `${indent}  `)];
  });
}

function leftOutLines(leftOut: Manifest["leftOut"]): string {
  const lines = Object.entries(REASONS).flatMap(([reason, words]) => {
    const count = leftOut[reason as Reason];
    return count === undefined ? [] : [`- ${count}: ${words}`];
  });
  return lines.length === 0 ? "- nothing\n" : `${lines.join("\n")}\n`;
}

/** The rules behind the numbers, as far as they were used. */
function rules(recipe: Recipe, { replaced, neutralised }: Manifest): string[] {
  const rules: string[] = [];
  if (recipe.maxTokens !== undefined)
    rules.push(`A token is counted as ${BYTES_PER_TOKEN} bytes of UTF-8, prompt and completion together.`);
  if (recipe.languages.length > 0)
    rules.push("The language of a completion is told by eld, by its letter groups.");
  if (recipe.dedupe !== "off")
    rules.push("An example is said before when prompt and completion equal those of an earlier one.");
  if (recipe.dedupe === "near")
    rules.push(
      `It is nearly said before when its completion shares ${recipe.near} of the three-word groups with an earlier one (MinHash of 64${
        SHAPES[recipe.format].grain === "answers" && recipe.format !== "dpo-pairs" ? ", within one step" : ""
      }).`,
    );
  if (recipe.privacy === "replace")
    rules.push(
      `Private data was replaced by marks such as <EMAIL>: ${PRIVATE_KINDS.map((kind) => `${kind} ${replaced[kind]}`).join(", ")}.`,
    );
  if (neutralised > 0)
    rules.push(
      `${neutralised} cells that a spreadsheet would take for a formula begin with one more ': cells that match ^${FORMULA_PATTERN}. Take that one away to have the text.`,
    );
  return rules;
}

/** A stranger's word in a cell of a Markdown table. */
function cell(value: string | number | null): string {
  return String(value ?? "")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ")
    .slice(0, 100)
    .replaceAll(/[\\|<>`[\]*_]/g, "\\$&");
}
