import { Failure } from "../base/error.ts";
import { readCatalog } from "./catalog.ts";
import type { ModelCode } from "./failure.ts";
import type { Dtype, ModelManifest } from "./manifest.ts";

type Tried = Pick<ModelManifest, "id" | "checkpoint" | "provenance" | "golden" | "agreement">;

/** Why a form has no golden numbers, as its manifest says; undefined where it has some, or says nothing. */
export function whyNoNumbers({ golden, agreement }: Tried, dtype: Dtype): string | undefined {
  const told = agreement?.[dtype];
  return golden?.[dtype] === undefined && told !== undefined && "unmeasured" in told
    ? told.unmeasured
    : undefined;
}

/**
 * Whether a form that this program builds lacks the numbers that every build keeps of it, and says no reason: its manifest was
 * changed by hand, or by something else, and nothing would show that the form computes what it did.
 */
export function lacksNumbers(manifest: Tried, dtype: Dtype): boolean {
  if (manifest.golden?.[dtype] !== undefined || whyNoNumbers(manifest, dtype) !== undefined) return false;
  // What the program knows as its own to build is so without a word of the manifest.
  return (
    manifest.provenance !== undefined ||
    manifest.checkpoint !== undefined ||
    readCatalog().some(({ id, checkpoint }) => id === manifest.id && checkpoint !== undefined)
  );
}

/**
 * Numbers that a form must give whoever makes it. Those that an earlier build kept are not among them: it may have been of other
 * weights, or of another builder.
 */
export function publishedNumbers(manifest: Tried): ModelManifest["golden"] {
  const known = readCatalog().find(({ id }) => id === manifest.id) ?? manifest;
  return known.provenance === undefined ? known.golden : undefined;
}

/** @throws Failure `model.corrupt` for a form that lacksNumbers() */
export function checkNumbersOf(manifest: Tried, dtype: Dtype): void {
  if (!lacksNumbers(manifest, dtype)) return;
  const { id } = manifest;
  throw new Failure<ModelCode>("model.corrupt", {
    message: `the manifest of ${id} has no golden numbers of ${dtype}, which every build keeps: it was changed since`,
    hint: `build it again: openvalidator models pull ${id} --dtype ${dtype}, or models build ${id} FOLDER --dtype ${dtype}`,
  });
}
