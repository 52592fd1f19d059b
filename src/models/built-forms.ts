import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { writeFileAtomic } from "../base/atomic.ts";
import type { DeadlineCode } from "../base/deadline.ts";
import { Failure } from "../base/error.ts";
import { VERSION } from "../config/version.ts";
import { buildModel, planGraph } from "./build/build.ts";
import type { Checkpoint } from "./build/checkpoint/checkpoint.ts";
import { openCheckpoint } from "./build/checkpoint/open-checkpoint.ts";
import { publishedNumbers } from "./built-numbers.ts";
import type { CatalogModel } from "./catalog.ts";
import { type Description, readDescriptions } from "./descriptions.ts";
import { checkSpace, type FreeBytes } from "./disk-space.ts";
import { moveInto, type Progress } from "./fetched-files.ts";
import { dtypesOf, lockedManifest, modelFolder, partFolder, strangeUses } from "./locked-manifest.ts";
import type { Agreement, Dtype, ModelFile, ModelManifest, Provenance } from "./manifest.ts";
import { type FormRunner, FormTrials, type Tried } from "./trials/form-trials.ts";

export interface FormOptions {
  dtypes: readonly Dtype[];
  onProgress?: Progress;
  /** Runs each form before it is kept; without it nothing is known of their numbers. */
  runner?: FormRunner;
  signal?: AbortSignal | undefined;
  /** For tests. */
  freeBytes?: FreeBytes;
}

/** What every step of a build works with. */
interface Building extends Omit<FormOptions, "dtypes" | "freeBytes"> {
  directory: string;
  model: CatalogModel;
  checkpoint: Checkpoint;
  descriptions: readonly Description[];
  provenance: Provenance;
}

/** Without a word, a form without numbers is none that a build left. */
const NOT_RUN: Agreement = { unmeasured: "it was not run where it was built" };

interface TriedForm {
  dtype: Dtype;
  built: ModelFile[];
  tried: Tried;
}

/**
 * Builds the forms of a model from original weights in a folder, tries each, and puts it into the store with the manifest that
 * makes it loadable, one after the other. fp32 comes first, for the others are held against it; where it is not asked for, it
 * is made for that alone, and removed.
 * @param files of the folder, with their hashes
 * @throws Failure `model.unsupported`, also for a form that gives other numbers than fp32, `model.corrupt`,
 * `model.no-space`, `deadline.aborted`; what a form meets when it is run
 */
export async function buildForms(
  directory: string,
  model: CatalogModel,
  folder: string,
  files: readonly ModelFile[],
  { dtypes, freeBytes, ...options }: FormOptions,
): Promise<void> {
  const descriptions = readDescriptions(folder, model);
  const provenance: Provenance = {
    repo: model.repo,
    revision: model.revision,
    files: [...files],
    builder: VERSION,
  };
  const trials = options.runner && new FormTrials(directory, model, provenance, options.runner);
  const checkpoint = await openCheckpoint(folder);
  try {
    // All forms are planned before the first is written, so that a variant that is not built is told at once.
    const bytesOf = (dtype: Dtype): number => planGraph(checkpoint, model, dtype).weightBytes;
    const sizes = new Map(dtypes.map((dtype) => [dtype, bytesOf(dtype)]));
    const truthBytes = trials?.lacksTruth && !sizes.has("fp32") ? bytesOf("fp32") : 0;
    const reason = truthBytes > 0 ? trials?.whyNot("fp32", truthBytes) : undefined;
    if (reason !== undefined) trials?.goWithoutTruth(reason);
    const formBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    checkSpace(directory, Math.max(formBytes, reason === undefined ? truthBytes : 0), model.id, freeBytes);
    const building: Building = { ...options, directory, model, checkpoint, descriptions, provenance };
    if (truthBytes > 0 && reason === undefined) await makeForm(building, "fp32", truthBytes, trials);
    for (const dtype of truthFirst(dtypes))
      keepForm(building, await makeForm(building, dtype, sizes.get(dtype)!, trials));
  } finally {
    await checkpoint.close();
    rmSync(join(partFolder(directory, model.id), "built"), { recursive: true, force: true });
    dropIfEmpty(partFolder(directory, model.id));
  }
}

function dropIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Where a form lies until it is kept: a model's folder in a folder of models, so that it can be run there. */
function builtFolder(directory: string, { id }: CatalogModel): string {
  return join(partFolder(directory, id), "built", id);
}

function truthFirst(dtypes: readonly Dtype[]): Dtype[] {
  return [...dtypes].sort((a, b) => Number(b === "fp32") - Number(a === "fp32"));
}

async function makeForm(
  building: Building,
  dtype: Dtype,
  weightBytes: number,
  trials: FormTrials | undefined,
): Promise<TriedForm> {
  const { directory, model, signal } = building;
  try {
    const built = await writeForm(building, dtype);
    if (trials === undefined) return { dtype, built, tried: { agreement: NOT_RUN } };
    const form = { directory: dirname(builtFolder(directory, model)), id: model.id, dtype };
    return { dtype, built, tried: await trials.run(form, weightBytes, building) };
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new Failure<DeadlineCode>("deadline.aborted", {
      message: `the build of ${model.id} was stopped`,
      hint: "begin it again; what is downloaded, and forms that are built, are kept",
      cause: error,
    });
  }
}

/** Writes a form where it can be run, with a manifest of its own. */
async function writeForm(
  { directory, model, checkpoint, descriptions, provenance, onProgress, signal }: Building,
  dtype: Dtype,
): Promise<ModelFile[]> {
  const into = builtFolder(directory, model);
  // Nothing of another form, nor of a build that was killed.
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const written = await buildModel(checkpoint, model, {
    dtype,
    into,
    onProgress: (done, total) => onProgress?.(`building ${model.id} as ${dtype}`, done, total),
    ...(signal === undefined ? {} : { signal }),
  });
  const built = written.map(({ path, size, sha256 }) => ({
    path: relative(into, path),
    size,
    sha256,
    dtype,
  }));
  for (const { file, content } of descriptions) writeFileAtomic(join(into, file.path), content);
  const files = [...descriptions.map(({ file }) => file), ...built];
  const golden = publishedNumbers(model);
  writeManifest(into, { ...model, golden, files, provenance, agreement: { [dtype]: NOT_RUN } });
  return built;
}

/** Puts a form that was tried into the store: its files, then the manifest that makes it loadable. */
function keepForm({ directory, model, descriptions, provenance }: Building, form: TriedForm): void {
  const into = modelFolder(directory, model.id);
  for (const { path } of form.built) moveInto(join(into, path), join(builtFolder(directory, model), path));
  for (const { file, content } of descriptions) writeFileAtomic(join(into, file.path), content);
  const added = [...descriptions.map(({ file }) => file), ...form.built];
  const paths = new Set(added.map(({ path }) => path));
  const before = lockedManifest(directory, model);
  // Forms of other weights are another model's, whatever its name: roles would load now one and now the other.
  const same = hashesOf(before?.provenance) === hashesOf(provenance) ? before : undefined;
  const kept = same?.files.filter(({ path }) => !paths.has(path)) ?? [];
  const files = [...kept, ...added];
  const { golden, agreement } = form.tried;
  writeManifest(into, {
    ...model,
    files,
    provenance,
    dtype: withForms(model.dtype, dtypesOf({ files })),
    golden: { ...same?.golden, [form.dtype]: golden },
    agreement: { ...same?.agreement, [form.dtype]: agreement },
  });
  const known = new Set(files.map(({ path }) => path));
  for (const { path } of before?.files ?? []) if (!known.has(path)) rmSync(join(into, path), { force: true });
}

/** Writes anew what a manifest in the store says of the use of its forms, where that is not what is known. */
export function correctUses(directory: string, model: CatalogModel): void {
  const locked = lockedManifest(directory, model);
  if (locked === undefined || strangeUses(locked, model).length === 0) return;
  const { files, provenance, golden, agreement } = locked;
  const dtype = withForms(model.dtype, dtypesOf({ files }));
  const manifest = { ...model, files, provenance, dtype, golden, agreement };
  writeManifest(modelFolder(directory, model.id), manifest);
}

/**
 * A form that was asked for by hand and that no device prefers would be loaded by none: where it is the only one, the CPU takes
 * it, and a GPU unless it is made for the CPU.
 */
function withForms({ cpu, webgpu }: ModelManifest["dtype"], built: readonly Dtype[]): ModelManifest["dtype"] {
  const others = built.filter((dtype) => !cpu.includes(dtype) && !webgpu.includes(dtype));
  return {
    cpu: [...cpu, ...others],
    webgpu: [...webgpu, ...others.filter((dtype) => dtype !== "q8")],
  };
}

/** Of the original weights, in whatever order they were read. */
function hashesOf(provenance: Provenance | undefined): string {
  return (provenance?.files ?? [])
    .map(({ path, sha256 }) => `${path} ${sha256}`)
    .sort()
    .join("\n");
}

function writeManifest(folder: string, manifest: ModelManifest): void {
  writeFileAtomic(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
