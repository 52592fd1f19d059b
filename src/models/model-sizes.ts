import type { CatalogModel } from "./catalog.ts";
import { lockedManifest } from "./locked-manifest.ts";
import type { DeviceKind, Dtype } from "./manifest.ts";
import { memoryToRun } from "./trials/form-trials.ts";

/**
 * Bytes of a number in each form: in tables, which only the forms in 8 bits make smaller, and in matrices, with the scales
 * of their blocks. Within 4 % of what was measured (models/README.md).
 */
const BYTES: Readonly<Record<Dtype, { words: number; others: number }>> = {
  fp32: { words: 4, others: 4 },
  fp16: { words: 2, others: 2 },
  q8: { words: 1.02, others: 1.05 },
  q4: { words: 4, others: 0.63 },
  q4f16: { words: 2, others: 0.57 },
};
/** Forms that store a table of words a second time, as the matrix that gives logits of it. */
const TWICE: ReadonlySet<Dtype> = new Set(["q8", "q4", "q4f16"]);

const USUAL_BITS = 16;

/** Weights of a form in bytes, estimated; undefined where nobody counted the model's numbers. */
export function estimatedForm({ parameters, language }: CatalogModel, dtype: Dtype): number | undefined {
  if (parameters === undefined) return undefined;
  return bytesOfForm(parameters, dtype, language !== undefined);
}

function bytesOfForm(
  { words, others }: { words: number; others: number },
  dtype: Dtype,
  isLanguage: boolean,
): number {
  const bytes = BYTES[dtype];
  const head = isLanguage && TWICE.has(dtype) ? words * bytes.others : 0;
  return Math.ceil(words * bytes.words + others * bytes.others + head);
}

/** The original weights in bytes, estimated; undefined for a model that is not built, or whose numbers nobody counted. */
export function estimatedSource({ parameters, checkpoint }: CatalogModel): number | undefined {
  const known = checkpoint?.files.map(({ size }) => size) ?? [];
  if (known.length > 0 && known.every((size) => size !== null))
    return known.reduce((sum: number, size) => sum + size!, 0);
  if (parameters === undefined || checkpoint === undefined) return undefined;
  return (parameters.words + parameters.others) * ((checkpoint.bits ?? USUAL_BITS) / 8);
}

/**
 * Weights in bytes of a form that is built, estimated: by the model's numbers where somebody counted them, for a source may
 * hold a matrix twice that a graph holds once, as Qwen3-0.6B does; else by the size of the source.
 */
export function builtForm(model: CatalogModel, dtype: Dtype, sourceBytes: number): number {
  const { parameters, checkpoint, language } = model;
  const inSource = sourceBytes / ((checkpoint?.bits ?? USUAL_BITS) / 8);
  // Of a model that nobody counted all numbers are taken for tables, which is the most.
  const { words, others } = parameters ?? { words: inSource, others: 0 };
  // More than the source has no form can hold.
  const share = Math.min(1, inSource / (words + others));
  return bytesOfForm({ words: share * words, others: share * others }, dtype, language !== undefined);
}

/** Something in bytes, and whether files tell so, and not the number of a model's weights. */
export interface Size {
  bytes: number;
  isExact: boolean;
}

/** A form's weights: those that are here, else the files that the manifest knows, else estimated. */
function formSize(directory: string, model: CatalogModel, dtype: Dtype): Size | undefined {
  const here = sizeOfFiles(lockedManifest(directory, model)?.files ?? [], dtype);
  const known = here ?? sizeOfFiles(model.files, dtype);
  if (known !== undefined) return { bytes: known, isExact: true };
  const bytes = estimatedForm(model, dtype);
  return bytes === undefined ? undefined : { bytes, isExact: false };
}

/** undefined where a size is not known, or no file is of that form. */
export function sizeOfFiles(
  files: readonly { dtype?: Dtype | undefined; size: number | null }[],
  dtype: Dtype,
): number | undefined {
  const own = files.filter((file) => file.dtype === dtype);
  if (own.length === 0 || own.some(({ size }) => size === null)) return undefined;
  return own.reduce((sum, { size }) => sum + size!, 0);
}

/**
 * Memory that a model takes on a device in a form, in bytes: of a GPU its weights, which a batch of answers adds to; of the
 * CPU what it takes at most, which is while it is loaded.
 */
export function deviceMemory(
  directory: string,
  model: CatalogModel,
  device: DeviceKind,
  dtype: Dtype = model.dtype[device][0]!,
): Size | undefined {
  const size = formSize(directory, model, dtype);
  return size === undefined || device === "webgpu"
    ? size
    : { ...size, bytes: memoryToRun(dtype, size.bytes) };
}
