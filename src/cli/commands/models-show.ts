import { join } from "node:path";
import { printable } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { MODELS_SHOW_OPTIONS } from "../../config/models-options.ts";
import { deviceName } from "../../inference/changes.ts";
import { placementOf } from "../../inference/node-placement.ts";
import type { ModelReport } from "../../inference/protocol.ts";
import { type CatalogModel, catalogModel, embeddedManifests } from "../../models/catalog.ts";
import { unusableFile } from "../../models/failure.ts";
import { bringCommand } from "../../models/known-models.ts";
import { dtypesOf, lockedManifest, modelFolder } from "../../models/locked-manifest.ts";
import type { Dtype, ModelManifest } from "../../models/manifest.ts";
import { nodeKinds } from "../../models/onnx/node-kinds.ts";
import { storedParts } from "../../models/stored-parts.ts";
import { PROFILE_NAMES } from "../../rewards/profiles.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth, wrapped } from "../fit.ts";
import { costJson, costOf, costsOf, isHere, totalCost } from "../model-costs.ts";
import { trialsText } from "../model-trials-text.ts";
import { costTable } from "../models-tables.ts";
import { openModels } from "../opened-models.ts";
import { modelsOfProfile } from "../profile-models.ts";
import { bytesText } from "../progress.ts";
import { fittedTable, noRoomText } from "../table.ts";
import { partText } from "./models-remove.ts";

/** Of what is printed where nobody tells how wide a screen is. */
const LINE_CHARACTERS = 98;

/** Nodes of a file by kind. */
function graphText(path: string, id: string, dtype: Dtype | undefined, width: number | undefined): string {
  try {
    return nodesText(dtype ?? "graph", nodeKinds(Bun.mmap(path)), width);
  } catch (error) {
    throw unusableFile(path, id, error);
  }
}

/** Nodes by kind, in lines of a width that fits. */
function nodesText(
  what: string,
  kinds: readonly (readonly [kind: string, count: number])[],
  width = LINE_CHARACTERS,
): string {
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const lines = [`${what}, ${total} nodes:`];
  for (const [kind, count] of kinds) {
    const word = ` ${count} ${printable(kind, 60)}`;
    if (`${lines.at(-1)}${word}`.length > width) lines.push(" ");
    lines[lines.length - 1] += word;
  }
  return `${lines.join("\n")}\n`;
}

/** What ran where, as the runtime joined it: fewer nodes than in the file. */
function placedText(
  { device, dtype, ms, detail, nodes = [] }: ModelReport,
  width: number | undefined,
): string {
  const head = `${dtype} on ${deviceName(device)}, tried in ${Math.round(ms)} ms: ${detail}`;
  const text = [`${wrapped(head, width ?? Number.POSITIVE_INFINITY)}\n`];
  for (const place of new Set(nodes.map((node) => node.device))) {
    const counts = new Map<string, number>();
    for (const { kind } of nodes.filter((node) => node.device === place))
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    text.push(
      nodesText(
        `  run by ${place}`,
        [...counts].sort(([, a], [, b]) => b - a),
        width,
      ),
    );
  }
  return text.join("");
}

export async function show(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const { settings } = loadConfiguration(MODELS_SHOW_OPTIONS, sourcesOf(context));
  const word = context.words![0]!;
  if (PROFILE_NAMES.includes(word)) return await showProfile(context, directory, catalog, word);
  const inside = embeddedManifests().find(({ id }) => id === word);
  if (inside !== undefined) return showInside(context, inside);
  const model = catalogModel(catalog, word, PROFILE_NAMES);
  const locked = lockedManifest(directory, model);
  const parts = storedParts(directory, model);
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ directory, model, here: locked ?? null, parts }, null, 2)}\n`);
    return EXIT.ok;
  }
  const width = screenWidth(context.environment);
  const { id, repo, revision, checkpoint } = model;
  context.print(`${headText(model)}${repo}\nat ${revision}\n`);
  if (checkpoint !== undefined) context.print(`built by this program from ${checkpoint.kind} weights\n`);
  if (locked === undefined) {
    context.print(`nothing of it is in\n${modelFolder(directory, id)}\n`);
    for (const part of parts) context.print(partText(part));
    const cost = await costOf(directory, model, {});
    context.print(`\n${costTable([cost], { width })}`);
    context.print(`it comes by: ${bringCommand(model)}\n`);
    return EXIT.ok;
  }
  context.print(`in\n${modelFolder(directory, id)}\n\n${filesText(locked.files, width)}`);
  for (const part of parts) if (part.kind !== "model") context.print(partText(part));
  for (const { path, dtype } of locked.files)
    if (path.endsWith(".onnx"))
      context.print(graphText(join(modelFolder(directory, id), path), id, dtype, width));
  context.print(trialsText(locked, dtypesOf(locked), width));
  if (settings.device !== undefined)
    context.print(
      placedText(
        await placementOf(id, { device: settings.device, directory, signal: context.signal }),
        width,
      ),
    );
  const { provenance } = locked;
  if (provenance !== undefined)
    context.print(
      `built by openvalidator ${provenance.builder} from ${provenance.repo}\nat ${provenance.revision}:\n${filesText(provenance.files, width)}`,
    );
  return EXIT.ok;
}

function headText({
  id,
  architecture,
  maxTokens,
  licence,
}: Pick<ModelManifest, "id" | "architecture" | "maxTokens" | "licence">): string {
  return `${id}: ${architecture}, up to ${maxTokens} tokens\nlicence ${licence.spdx}\n${licence.url}\n`;
}

function filesText(
  files: readonly { path: string; size: number; sha256: string; dtype?: Dtype | undefined }[],
  width: number | undefined,
): string {
  const rows = files.map(({ path, size, sha256, dtype }) => [
    path,
    dtype ?? "all",
    bytesText(size),
    sha256.slice(0, 16),
  ]);
  const { text, gone } = fittedTable(["file", "for", "size", "sha256"], rows, {
    width,
    spare: (column) => (column === 3 ? 1 : 0),
    right: new Set([2]),
  });
  return `${text}${noRoomText(gone, "--json has them", width)}`;
}

/** What the models of a profile take, what for, and what of them is here. */
async function showProfile(
  context: CommandContext,
  directory: string,
  catalog: readonly CatalogModel[],
  name: string,
): Promise<number> {
  const costs = await costsOf(directory, catalog, modelsOfProfile(name));
  if (context.flags.json === "true") {
    context.print(
      `${JSON.stringify({ directory, profile: name, total: totalCost(costs), models: costs.map(costJson) }, null, 2)}\n`,
    );
    return EXIT.ok;
  }
  const width = screenWidth(context.environment);
  context.print(`the profile ${name}\n\n${costTable(costs, { width })}`);
  if (costs.some((cost) => !isHere(cost))) context.print(`it comes by: openvalidator models pull ${name}\n`);
  return EXIT.ok;
}

function showInside(context: CommandContext, manifest: ModelManifest): number {
  if (context.flags.json === "true") {
    context.print(`${JSON.stringify({ model: manifest, here: manifest }, null, 2)}\n`);
    return EXIT.ok;
  }
  const files = filesText(manifest.files, screenWidth(context.environment));
  context.print(`${headText(manifest)}inside the program:\n${files}`);
  return EXIT.ok;
}
