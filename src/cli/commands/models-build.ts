import { join } from "node:path";
import { Failure } from "../../base/error.ts";
import { printable } from "../../base/text.ts";
import { expandPath } from "../../config/paths.ts";
import { formRunner } from "../../inference/form-runner.ts";
import { buildFromFolder, pullSource, type SourcePlan } from "../../models/built-model.ts";
import { type CatalogModel, catalogModel } from "../../models/catalog.ts";
import { type ModelCode, unusableFile } from "../../models/failure.ts";
import type { HubAccess } from "../../models/hub-files.ts";
import { preferredDtypes } from "../../models/known-models.ts";
import { dtypesOf, lockedManifest, modelFolder } from "../../models/locked-manifest.ts";
import type { Dtype, ModelManifest } from "../../models/manifest.ts";
import { nodeKinds } from "../../models/onnx/node-kinds.ts";
import type { Source } from "../../models/source-files.ts";
import { memoryToRun } from "../../models/trials/form-trials.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { openModels } from "../opened-models.ts";
import { bytesText } from "../progress.ts";
import { withProgress } from "../shown-progress.ts";
import { renderTable } from "../table.ts";

const LINE_CHARACTERS = 98;

/** Downloads the original weights of a model and builds what is wanted of it, telling sizes before and files as they grow. */
export async function pullAndBuild(
  context: CommandContext,
  directory: string,
  model: CatalogModel & { checkpoint: Source },
  access: HubAccess,
  dtypes: readonly Dtype[] | undefined,
): Promise<void> {
  const built = await withProgress(context, (onProgress) =>
    pullSource(directory, model, model.checkpoint, access, {
      dtypes: dtypes ?? preferredDtypes(model),
      runner: formRunner,
      keepSource: context.flags["keep-source"] === "true",
      onProgress,
      onPlan: (plan) => context.print(`  ${planText(plan)}\n`),
    }),
  );
  context.print(
    built.length > 0
      ? `${model.id} is built as ${built.join(" and ")} in ${modelFolder(directory, model.id)}\n`
      : `${model.id} is in ${modelFolder(directory, model.id)}\n`,
  );
  context.print(trialsText(lockedManifest(directory, model), built));
}

function planText(plan: SourcePlan): string {
  const { downloadBytes, sourceBytes, resultBytes, dtypes } = plan;
  const rest = downloadBytes < sourceBytes ? ` (${bytesText(downloadBytes)} of it still to come)` : "";
  return `original weights ${bytesText(sourceBytes)}${rest}, built as ${dtypes.join(" and ")}: at most ${bytesText(resultBytes)} more${truthText(plan)}`;
}

/** What the others are held against, where it is made for that alone. */
function truthText({ truthBytes, freeMemoryBytes }: SourcePlan): string {
  if (truthBytes === 0) return "";
  const memory = `${bytesText(memoryToRun(truthBytes))} of memory (${bytesText(freeMemoryBytes)} are free)`;
  return `\n  fp32 is made for a while, to hold the others against it: at most ${bytesText(truthBytes)} and ${memory}`;
}

/** What is known of the numbers of each form. */
function trialsText(locked: ModelManifest | undefined, dtypes: readonly Dtype[]): string {
  return dtypes.map((dtype) => `  ${dtype}: ${trialText(locked, dtype)}\n`).join("");
}

function trialText(locked: ModelManifest | undefined, dtype: Dtype): string {
  const golden = locked?.golden?.[dtype]?.length ?? 0;
  const kept =
    golden > 0 ? `${golden} golden numbers, tried at each load` : "no golden numbers to try it on at a load";
  const agreement = locked?.agreement?.[dtype];
  if (agreement === undefined) return kept;
  if ("unmeasured" in agreement) return `${kept}; agreement not measured: ${agreement.unmeasured}`;
  const { comparedWith, texts, rankCorrelation, maxError } = agreement;
  const error = maxError === undefined ? "" : `, off by ${maxError} at most`;
  return `${kept};\n    ranks ${rankCorrelation.toFixed(4)}${error}, against ${comparedWith} (${texts} texts)`;
}

export async function build(context: CommandContext): Promise<number> {
  const { directory, catalog, dtypes } = openModels(context);
  const [id, folder] = context.words as [string, string];
  const model = catalogModel(catalog, id);
  if (model.checkpoint === undefined) {
    const able = catalog.filter(({ checkpoint }) => checkpoint).map((other) => other.id);
    throw new Failure<ModelCode>("model.unsupported", {
      message: `${id} is not built by this program`,
      hint: `it builds ${able.join(", ")}`,
    });
  }
  const { checkpoint } = model;
  const unproven = await withProgress(context, (onProgress) =>
    buildFromFolder(directory, model, checkpoint, expandPath(folder), {
      dtypes: dtypes ?? preferredDtypes(model),
      runner: formRunner,
      onProgress,
      signal: context.signal,
    }),
  );
  context.print(`${id} is in ${modelFolder(directory, id)}, licence ${model.licence.spdx}\n`);
  context.print(trialsText(lockedManifest(directory, model), dtypes ?? preferredDtypes(model)));
  if (unproven.length > 0)
    context.print(`No known sha256, taken as found in the folder: ${unproven.join(", ")}\n`);
  return EXIT.ok;
}

/** Nodes by kind, in lines of a width that fits. */
function nodesText(path: string, id: string, dtype: Dtype | undefined): string {
  let kinds: ReturnType<typeof nodeKinds>;
  try {
    kinds = nodeKinds(path);
  } catch (error) {
    throw unusableFile(path, id, error);
  }
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const lines = [`${dtype ?? "graph"}, ${total} nodes:`];
  for (const [kind, count] of kinds) {
    const word = ` ${count} ${printable(kind, 60)}`;
    if (`${lines.at(-1)}${word}`.length > LINE_CHARACTERS) lines.push(" ");
    lines[lines.length - 1] += word;
  }
  return `${lines.join("\n")}\n`;
}

export async function show(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const model = catalogModel(catalog, context.words![0]!);
  const locked = lockedManifest(directory, model);
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ directory, model, here: locked ?? null }, null, 2)}\n`);
    return EXIT.ok;
  }
  const { id, repo, revision, licence, architecture, maxTokens, checkpoint } = model;
  context.print(`${id}: ${architecture}, up to ${maxTokens} tokens, licence ${licence.spdx}\n`);
  context.print(`${repo} at ${revision}\n`);
  if (checkpoint !== undefined) context.print(`built by this program from ${checkpoint.kind} weights\n`);
  const files = (
    list: readonly { path: string; size: number; sha256: string; dtype?: Dtype | undefined }[],
  ): string =>
    renderTable(
      ["file", "for", "size", "sha256"],
      list.map(({ path, size, sha256, dtype }) => [
        path,
        dtype ?? "all",
        bytesText(size),
        sha256.slice(0, 16),
      ]),
    );
  if (locked === undefined) {
    context.print(`nothing of it is in ${modelFolder(directory, id)}\n`);
    return EXIT.ok;
  }
  context.print(`in ${modelFolder(directory, id)}:\n${files(locked.files)}`);
  for (const { path, dtype } of locked.files)
    if (path.endsWith(".onnx")) context.print(nodesText(join(modelFolder(directory, id), path), id, dtype));
  context.print(trialsText(locked, dtypesOf(locked)));
  const { provenance } = locked;
  if (provenance !== undefined)
    context.print(
      `built by openvalidator ${provenance.builder} from ${provenance.repo}\nat ${provenance.revision}:\n${files(provenance.files)}`,
    );
  return EXIT.ok;
}
