import { expandPath } from "../../config/paths.ts";
import { formRunner } from "../../inference/form-runner.ts";
import { buildFromFolder, pullSource, type SourcePlan } from "../../models/built-model.ts";
import { type CatalogModel, catalogModel } from "../../models/catalog.ts";
import type { HubAccess } from "../../models/hub-files.ts";
import { builtModel, preferredDtypes } from "../../models/known-models.ts";
import { lockedManifest, modelFolder } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import type { Source } from "../../models/source-files.ts";
import { storedParts } from "../../models/stored-parts.ts";
import { memoryToRun } from "../../models/trials/form-trials.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth, wrapped } from "../fit.ts";
import { trialsText } from "../model-trials-text.ts";
import { openModels } from "../opened-models.ts";
import { bytesText } from "../progress.ts";
import { withProgress } from "../shown-progress.ts";

/** Downloads the original weights of a model and builds what is wanted of it, telling sizes before and files as they grow. */
export async function pullAndBuild(
  context: CommandContext,
  directory: string,
  model: CatalogModel & { checkpoint: Source },
  access: HubAccess,
  dtypes: readonly Dtype[],
): Promise<void> {
  const keepsSource = context.flags["keep-source"] === "true";
  const built = await withProgress(context, (onProgress) =>
    pullSource(directory, model, model.checkpoint, access, {
      dtypes,
      runner: formRunner,
      keepSource: keepsSource,
      onProgress,
      onPlan: (plan) => context.print(planText(plan, context)),
    }),
  );
  context.print(
    built.length > 0
      ? `${model.id} is built as ${built.join(" and ")} in ${modelFolder(directory, model.id)}\n`
      : `${model.id} is in ${modelFolder(directory, model.id)}\n`,
  );
  context.print(trialsText(lockedManifest(directory, model), built, screenWidth(context.environment)));
  if (keepsSource && !storedParts(directory, model).some(({ kind }) => kind === "source"))
    context.print("  its original weights are not here: they were removed when it was built\n");
}

function planText(plan: SourcePlan, { environment }: CommandContext): string {
  const { downloadBytes, sourceBytes, resultBytes, dtypes } = plan;
  const rest =
    downloadBytes > 0 && downloadBytes < sourceBytes
      ? ` (${bytesText(downloadBytes)} of it still to come)`
      : "";
  const text = `original weights ${bytesText(sourceBytes)}${rest}, built as ${dtypes.join(" and ")}: at most ${bytesText(resultBytes)} more`;
  const width = screenWidth(environment) ?? Number.POSITIVE_INFINITY;
  const lines = [text, ...truthText(plan)].map((line) => wrapped(line, width - 2));
  return `${lines.join("\n").replace(/^/gm, "  ")}\n`;
}

/** What the others are held against, where it is made for that alone. */
function truthText({ truthBytes, freeMemoryBytes }: SourcePlan): string[] {
  if (truthBytes === 0) return [];
  const memory = `${bytesText(memoryToRun("fp32", truthBytes))} of memory (${bytesText(freeMemoryBytes)} are free)`;
  return [
    `fp32 is made for a while, to hold the others against it: at most ${bytesText(truthBytes)} and ${memory}`,
  ];
}

export async function build(context: CommandContext): Promise<number> {
  const { directory, catalog, dtypes } = openModels(context);
  const [id, folder] = context.words as [string, string];
  const model = builtModel(directory, catalog, catalogModel(catalog, id));
  const unproven = await withProgress(context, (onProgress) =>
    buildFromFolder(directory, model, model.checkpoint, expandPath(folder), {
      dtypes: dtypes ?? preferredDtypes(model),
      runner: formRunner,
      onProgress,
      onPlan: (plan) => context.print(planText(plan, context)),
      signal: context.signal,
    }),
  );
  context.print(`${id} is in ${modelFolder(directory, id)}, licence ${model.licence.spdx}\n`);
  context.print(
    trialsText(
      lockedManifest(directory, model),
      dtypes ?? preferredDtypes(model),
      screenWidth(context.environment),
    ),
  );
  if (unproven.length > 0)
    context.print(
      `${wrapped(`No known sha256, taken as found in the folder: ${unproven.join(", ")}`, screenWidth(context.environment) ?? Number.POSITIVE_INFINITY)}\n`,
    );
  return EXIT.ok;
}
