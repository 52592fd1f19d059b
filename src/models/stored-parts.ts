import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bytesBelow } from "../base/disk.ts";
import type { CatalogModel } from "./catalog.ts";
import { modelFolder, partFolder, sourceFolder, withModelLock } from "./locked-manifest.ts";

/** `model`: what inference loads; `source`: the original weights that it was built of; `begun`: what is not whole yet. */
export type PartKind = "model" | "source" | "begun";

/** What a folder of models holds of one of them. */
export interface StoredPart {
  kind: PartKind;
  folder: string;
  bytes: number;
}

const FOLDERS = { model: modelFolder, source: sourceFolder, begun: partFolder } as const;

/** The parts of a model that are here, with their sizes on the disk. */
export function storedParts(directory: string, { id }: Pick<CatalogModel, "id">): StoredPart[] {
  return (Object.keys(FOLDERS) as PartKind[]).flatMap((kind) => {
    const folder = FOLDERS[kind](directory, id);
    return existsSync(folder) ? { kind, folder, bytes: bytesBelow(folder) } : [];
  });
}

/**
 * Deletes parts of a model.
 * @returns those that were there
 * @throws Failure `model.busy`, `state.unwritable`
 */
export async function removeModel(
  directory: string,
  model: CatalogModel,
  kinds: readonly PartKind[] = ["model", "source", "begun"],
): Promise<StoredPart[]> {
  return await withModelLock(directory, model, async () => {
    const parts = storedParts(directory, model).filter(({ kind }) => kinds.includes(kind));
    for (const { folder } of parts) rmSync(folder, { recursive: true, force: true });
    if (kinds.includes("source")) rmSync(keepMark(directory, model.id), { force: true });
    return parts;
  });
}

/** Beside the folder of the source, for that holds nothing but what was published. No id begins with a dot. */
function keepMark(directory: string, id: string): string {
  return join(dirname(sourceFolder(directory, id)), `.keep-${id}`);
}

/** Marks the original weights of a model as wanted, whatever is built of them later. */
export function keepSource(directory: string, { id }: Pick<CatalogModel, "id">): void {
  const mark = keepMark(directory, id);
  mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
  writeFileSync(mark, "");
}

/** Deletes the original weights of a model, unless they were marked as wanted. */
export function dropUnkeptSource(directory: string, { id }: Pick<CatalogModel, "id">): void {
  if (!existsSync(keepMark(directory, id)))
    rmSync(sourceFolder(directory, id), { recursive: true, force: true });
}
