import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { catalogModel } from "../../models/catalog.ts";
import { type PartKind, removeModel, type StoredPart, storedParts } from "../../models/stored-parts.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { openModels } from "../opened-models.ts";
import { bytesText } from "../progress.ts";

const NAMES: Readonly<Record<PartKind, string>> = {
  model: "the model",
  source: "its original weights",
  begun: "what was begun",
};

/** A part and what it takes; where it lies on a line of its own, for it may be long. */
export function partText({ kind, folder, bytes }: StoredPart): string {
  return `${NAMES[kind]}, ${bytesText(bytes)}, in\n${folder}\n`;
}

/** Deletes a model, telling what and how much; original weights that were kept are a part of it, unless told otherwise. */
export async function remove(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const { flags, print } = context;
  const [keepsSource, isSourceAlone] = [flags["keep-source"] === "true", flags["source-only"] === "true"];
  if (keepsSource && isSourceAlone)
    throw new Failure<ConfigCode>("config.conflict", {
      message: "--keep-source and --source-only leave nothing to remove",
      hint: "give one of them",
    });
  const model = catalogModel(catalog, context.words![0]!);
  const kinds: PartKind[] = isSourceAlone
    ? ["source"]
    : keepsSource
      ? ["model", "begun"]
      : ["model", "source", "begun"];
  const gone = await removeModel(directory, model, kinds);
  for (const part of gone) print(`removed ${partText(part)}`);
  if (gone.length === 0)
    print(
      isSourceAlone
        ? `the original weights of ${model.id} are not in ${directory}: nothing to remove\n`
        : `${model.id} is not in ${directory}: nothing to remove\n`,
    );
  for (const part of storedParts(directory, model)) print(`still here: ${partText(part)}`);
  return EXIT.ok;
}
