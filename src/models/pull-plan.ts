import { join } from "node:path";
import { bytesBelow } from "../base/disk.ts";
import { builtBytes, listSource, peakOfBuild, sourcePlaces } from "./built-model.ts";
import { lacksNumbers } from "./built-numbers.ts";
import type { CatalogModel } from "./catalog.ts";
import { missingBytes } from "./fetched-files.ts";
import type { HubAccess } from "./hub-files.ts";
import { lockedManifest, modelFolder, partFolder, sizeOf, wantedFiles } from "./locked-manifest.ts";
import type { Dtype } from "./manifest.ts";
import { estimatedForm, estimatedSource } from "./model-sizes.ts";
import { knownFiles } from "./pull.ts";

/** What a pull of a model is going to take, in bytes. */
export interface PullPlan {
  model: CatalogModel;
  /** Forms that are fetched or built; none where all is here. */
  dtypes: readonly Dtype[];
  /** Whether the download's sizes were told, by a manifest or by the hub, and none is an estimate. */
  isExact: boolean;
  /** The same of the result: what is built is known when it is there. */
  isResultExact: boolean;
  /** Of the network. */
  download: number;
  /** Of the disk, afterwards. Of what is built an upper bound. */
  result: number;
  /** Of the disk for a while: with the original weights, and with fp32 where it is made to hold others against it. */
  peak: number;
}

export interface PlanOptions {
  dtypes: readonly Dtype[];
  /** Where sizes are asked for; estimates stand for those that are not known without it. */
  access?: HubAccess | undefined;
}

const NOTHING = { isExact: true, isResultExact: true, download: 0, result: 0, peak: 0 };

/**
 * Looks up what a pull takes, before a byte of a model is fetched.
 * @returns undefined where nobody knows a size, which only happens without `access`
 * @throws as `listHubFiles` and `sourceFiles`
 */
export async function planPull(
  directory: string,
  model: CatalogModel,
  options: PlanOptions,
): Promise<PullPlan | undefined> {
  const dtypes = missingForms(directory, model, options.dtypes);
  if (dtypes.length === 0) return { model, dtypes, ...NOTHING };
  const wanted = { ...options, dtypes };
  return model.checkpoint === undefined
    ? await planGraphs(directory, model, wanted)
    : await planBuild(directory, model, wanted);
}

async function planGraphs(
  directory: string,
  model: CatalogModel,
  { dtypes, access }: PlanOptions,
): Promise<PullPlan | undefined> {
  const [folder, parts] = [modelFolder(directory, model.id), partFolder(directory, model.id)];
  const files = wantedFiles(model, dtypes);
  if (access !== undefined) {
    const download = missingBytes(await knownFiles(directory, model, files, access), folder, parts);
    return { model, dtypes, isExact: true, isResultExact: true, download, result: download, peak: download };
  }
  const sizes = files.map(({ path, size, dtype }) => ({
    path,
    // What is no weights is small.
    size: size ?? (dtype === undefined ? 0 : estimatedForm(model, dtype)),
  }));
  const known = sizes.flatMap(({ path, size }) => (size === undefined ? [] : [{ path, size }]));
  if (known.length < sizes.length) return undefined;
  const download = missingBytes(known, folder, parts);
  const isExact = files.every(({ size }) => size !== null);
  return { model, dtypes, isExact, isResultExact: isExact, download, result: download, peak: download };
}

async function planBuild(
  directory: string,
  model: CatalogModel,
  { dtypes, access }: PlanOptions,
): Promise<PullPlan | undefined> {
  const sizes = await sourceSizes(directory, model, access);
  if (sizes === undefined) return undefined;
  const built = builtBytes(model, sizes.sourceBytes, { dtypes, isTried: true });
  return {
    model,
    dtypes,
    isExact: access !== undefined,
    isResultExact: false,
    download: sizes.downloadBytes,
    result: built.resultBytes,
    peak: peakOfBuild({ ...sizes, ...built }),
  };
}

async function sourceSizes(
  directory: string,
  model: CatalogModel,
  access: HubAccess | undefined,
): Promise<{ sourceBytes: number; downloadBytes: number } | undefined> {
  if (access !== undefined) return await listSource(directory, model, model.checkpoint!, access);
  const sourceBytes = estimatedSource(model);
  if (sourceBytes === undefined) return undefined;
  const { folder, parts } = sourcePlaces(directory, model);
  const here = bytesBelow(folder) + bytesBelow(parts);
  return { sourceBytes, downloadBytes: Math.max(0, sourceBytes - here) };
}

/** The forms of those asked for whose files do not all lie here in their size; their hashes are the pull's part. */
function missingForms(directory: string, model: CatalogModel, dtypes: readonly Dtype[]): Dtype[] {
  const manifest = lockedManifest(directory, model);
  if (manifest === undefined) return [...dtypes];
  const folder = modelFolder(directory, model.id);
  return dtypes.filter((dtype) => {
    const own = manifest.files.filter((file) => file.dtype === undefined || file.dtype === dtype);
    const isHere = own.every(({ path, size }) => sizeOf(join(folder, path)) === size);
    return !isHere || !own.some((file) => file.dtype === dtype) || lacksNumbers(manifest, dtype);
  });
}

export type PlanTotal = Omit<PullPlan, "model" | "dtypes">;

/**
 * What pulls of several models take, one after the other.
 * @param keepsSource whether original weights stay
 */
export function totalOf(plans: readonly PullPlan[], keepsSource = false): PlanTotal {
  const total = { ...NOTHING };
  for (const { model, download, result, peak, isExact, isResultExact } of plans) {
    total.peak = Math.max(total.peak, total.result + peak);
    total.download += download;
    total.result += result + (keepsSource && model.checkpoint !== undefined ? download : 0);
    total.isExact &&= isExact;
    total.isResultExact &&= isResultExact;
  }
  return total;
}
