import { lstatSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { EMBEDDED_MODELS } from "./embedded.ts";
import type { ModelCode } from "./failure.ts";
import type { DeviceKind } from "./manifest.ts";
import { type ModelFile, type ModelManifest, manifestContent, manifestSchema } from "./manifest.ts";

/** A model whose manifest is known and whose files have not been read yet. */
export interface StoredModel {
  manifest: ModelManifest;
  /** Path to read a file of the manifest from. */
  pathOf(file: string): string;
}

/**
 * Files by their name in the manifest; every one has the size and sha256 that the manifest gives. Of weights beside a graph, which
 * may be gigabytes, only those behind a symbolic link, which ONNX Runtime does not follow.
 */
export type VerifiedFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * Finds a model among those in the program, then in `directory`/<id>/manifest.json. Nothing is ever downloaded here.
 * @throws Failure `model.missing`, or `model.corrupt` for a manifest that is none.
 */
export async function findModel(id: string, directory?: string): Promise<StoredModel> {
  for (const { manifest, paths } of EMBEDDED_MODELS) {
    const known = manifestSchema.parse(manifest);
    if (known.id === id) return { manifest: known, pathOf: (file) => paths[file] ?? file };
  }
  if (directory === undefined)
    throw new Failure<ModelCode>("model.missing", { message: `there is no model ${id} in this program` });
  const folder = join(directory, id);
  const manifest = readManifest(id, join(folder, "manifest.json"));
  return { manifest, pathOf: (file) => join(folder, file) };
}

function readManifest(id: string, path: string): ModelManifest {
  const content = manifestContent(path);
  if (content === undefined)
    throw new Failure<ModelCode>("model.missing", {
      message: `there is no model ${id}: ${path} does not exist`,
    });
  const parsed = manifestSchema.safeParse(content);
  if (!parsed.success || parsed.data.id !== id)
    throw new Failure<ModelCode>("model.corrupt", {
      message: `${path} is not the manifest of ${id}`,
      cause: parsed.error,
    });
  return parsed.data;
}

/**
 * Reads the files that a device needs, weights in its first dtype, and checks each against the manifest. Weights beside a graph are
 * checked and left where they are.
 * @throws Failure `model.missing` or `model.corrupt`; both name the file.
 */
export async function readVerified(model: StoredModel, device: DeviceKind): Promise<VerifiedFiles> {
  const [first] = model.manifest.dtype[device];
  const wanted = model.manifest.files.filter(({ dtype }) => dtype === undefined || dtype === first);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const file of wanted) {
    const isLeft =
      file.dtype !== undefined && !file.path.endsWith(".onnx") && !isLink(model.pathOf(file.path));
    if (isLeft) await verifyFile(model, file);
    else files.set(file.path, await readFile(model, file));
  }
  return files;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

async function readFile(model: StoredModel, file: ModelFile): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  await verify(model, file, async (found, hasher) => {
    bytes = await found.bytes();
    hasher.update(bytes);
  });
  return bytes!;
}

async function verifyFile(model: StoredModel, file: ModelFile): Promise<void> {
  await verify(model, file, async (found, hasher) => {
    for await (const piece of found.stream()) hasher.update(piece);
  });
}

/** @param read shows the hasher all of the file */
async function verify(
  model: StoredModel,
  { path, size, sha256 }: ModelFile,
  read: (file: Bun.BunFile, hasher: Bun.CryptoHasher) => Promise<void>,
): Promise<void> {
  const file = Bun.file(model.pathOf(path));
  if (!(await file.exists()))
    throw new Failure<ModelCode>("model.missing", {
      message: `the file ${path} of model ${model.manifest.id} is missing`,
      data: { path: model.pathOf(path) },
    });
  const corrupt = (detail: string): Failure<ModelCode> =>
    new Failure<ModelCode>("model.corrupt", {
      message: `the file ${path} of model ${model.manifest.id} is damaged: ${detail}`,
      hint: "put the original file back",
      data: { path: model.pathOf(path) },
    });
  // Before reading: a file of another size may not fit into memory.
  if (file.size !== size) throw corrupt(`it has ${file.size} bytes instead of ${size}`);
  const hasher = new Bun.CryptoHasher("sha256");
  await read(file, hasher);
  const actual = hasher.digest("hex");
  if (actual !== sha256) throw corrupt(`its sha256 is ${actual}`);
}
