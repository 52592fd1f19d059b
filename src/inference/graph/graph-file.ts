import { Failure } from "../../base/error.ts";
import type { DeviceKind, ModelManifest } from "../../models/manifest.ts";
import type { VerifiedFiles } from "../../models/model-files.ts";
import { nodeKinds } from "../../models/onnx/node-kinds.ts";
import type { InferenceCode } from "../failure.ts";

/** The file with the graph, and those with weights beside it. */
export function graphOf(
  manifest: ModelManifest,
  files: VerifiedFiles,
  device: DeviceKind,
): { path: string; bytes: Uint8Array; beside: string[] } {
  const [wanted] = manifest.dtype[device];
  const weights = manifest.files.filter(({ dtype }) => dtype !== undefined && dtype === wanted);
  const path = weights.find((file) => file.path.endsWith(".onnx"))?.path;
  if (path === undefined)
    throw new Failure<InferenceCode>("model.corrupt", {
      message: `the manifest of ${manifest.id} names no .onnx file for ${wanted}`,
    });
  const beside = weights.flatMap((file) => (file.path === path ? [] : file.path));
  return { path, bytes: files.get(path)!, beside };
}

/**
 * Whether activations of a whole run are put into 8 bits with one scale. Rows of one run would then move each other's numbers,
 * so that a miner's answer could change what others get: each runs alone.
 */
export function sharesScale(onnx: Uint8Array): boolean {
  return nodeKinds(onnx).some(([kind]) => kind === "DynamicQuantizeLinear");
}
