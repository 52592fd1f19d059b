import { join } from "node:path";
import { printable } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { MODELS_SHOW_OPTIONS } from "../../config/models-options.ts";
import { deviceName } from "../../inference/changes.ts";
import { placementOf } from "../../inference/node-placement.ts";
import type { ModelReport } from "../../inference/protocol.ts";
import { catalogModel } from "../../models/catalog.ts";
import { unusableFile } from "../../models/failure.ts";
import { dtypesOf, lockedManifest, modelFolder } from "../../models/locked-manifest.ts";
import type { Dtype } from "../../models/manifest.ts";
import { nodeKinds } from "../../models/onnx/node-kinds.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { trialsText } from "../model-trials-text.ts";
import { openModels } from "../opened-models.ts";
import { bytesText } from "../progress.ts";
import { renderTable } from "../table.ts";

const LINE_CHARACTERS = 98;

/** Nodes of a file by kind. */
function graphText(path: string, id: string, dtype: Dtype | undefined): string {
  try {
    return nodesText(dtype ?? "graph", nodeKinds(Bun.mmap(path)));
  } catch (error) {
    throw unusableFile(path, id, error);
  }
}

/** Nodes by kind, in lines of a width that fits. */
function nodesText(what: string, kinds: readonly (readonly [kind: string, count: number])[]): string {
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const lines = [`${what}, ${total} nodes:`];
  for (const [kind, count] of kinds) {
    const word = ` ${count} ${printable(kind, 60)}`;
    if (`${lines.at(-1)}${word}`.length > LINE_CHARACTERS) lines.push(" ");
    lines[lines.length - 1] += word;
  }
  return `${lines.join("\n")}\n`;
}

/** What ran where, as the runtime joined it: fewer nodes than in the file. */
function placedText({ device, dtype, ms, detail, nodes = [] }: ModelReport): string {
  const text = [`${dtype} on ${deviceName(device)}, tried in ${Math.round(ms)} ms: ${detail}\n`];
  for (const place of new Set(nodes.map((node) => node.device))) {
    const counts = new Map<string, number>();
    for (const { kind } of nodes.filter((node) => node.device === place))
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    text.push(
      nodesText(
        `  run by ${place}`,
        [...counts].sort(([, a], [, b]) => b - a),
      ),
    );
  }
  return text.join("");
}

export async function show(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const { settings } = loadConfiguration(MODELS_SHOW_OPTIONS, sourcesOf(context));
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
    if (path.endsWith(".onnx")) context.print(graphText(join(modelFolder(directory, id), path), id, dtype));
  context.print(trialsText(locked, dtypesOf(locked)));
  if (settings.device !== undefined)
    context.print(
      placedText(await placementOf(id, { device: settings.device, directory, signal: context.signal })),
    );
  const { provenance } = locked;
  if (provenance !== undefined)
    context.print(
      `built by openvalidator ${provenance.builder} from ${provenance.repo}\nat ${provenance.revision}:\n${files(provenance.files)}`,
    );
  return EXIT.ok;
}
