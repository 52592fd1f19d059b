import { basename, dirname } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { messageOf } from "../../base/error.ts";
import { unusableFile } from "../../models/failure.ts";
import type { DeviceKind } from "../../models/manifest.ts";
import type { StoredModel, VerifiedFiles } from "../../models/model-files.ts";
import { outsideFiles } from "../../models/onnx/outside-files.ts";
import { isUnreadableModel } from "../failure.ts";
import { graphOf } from "./graph-file.ts";
import { profilingInto } from "./placed-nodes.ts";

/** ONNX Runtime's own lines on standard error: errors only (3). Everything worse is thrown to us anyway. */
const LOG_SEVERITY = 3;

export interface SessionOptions {
  /** Folder for ONNX Runtime's notes of what it runs where; none are taken unless given. */
  profileInto?: string | undefined;
  /** Changes the graph before it is compiled. */
  edit?(onnx: Uint8Array): Uint8Array;
}

/**
 * Compiles a model's graph. Weights beside it are read by ONNX Runtime itself: handed over as bytes they would lie in memory
 * twice, for as long as the session does. Who may change a file between the check and here may change the manifest as well.
 * @param files as readVerified gave them
 * @throws Failure `model.corrupt`, also for a graph that takes weights from a file that nobody verified; what ONNX Runtime throws
 */
export async function openSession(
  { manifest, pathOf }: StoredModel,
  files: VerifiedFiles,
  device: DeviceKind,
  { edit, profileInto }: SessionOptions,
): Promise<InferenceSession> {
  const { path: graph, bytes, beside } = graphOf(manifest, files, device);
  const verified = new Set(
    beside.filter((path) => dirname(path) === dirname(graph)).map((path) => basename(path)),
  );
  try {
    const strange = [...outsideFiles(bytes)].find((name) => !verified.has(name));
    if (strange !== undefined) throw new RangeError(`it takes weights from ${JSON.stringify(strange)}`);
    return await InferenceSession.create(edit?.(bytes) ?? bytes, {
      logSeverityLevel: LOG_SEVERITY,
      extra: {
        session: {
          // Threads sleep instead of spinning between operators: a third less processor time, and on a machine that also
          // runs something else the same request ends sooner.
          intra_op: { allow_spinning: "0" },
          model_external_initializers_file_folder_path: dirname(pathOf(graph)),
        },
      },
      ...(profileInto !== undefined && profilingInto(profileInto)),
      executionProviders: [device],
      externalData: beside.flatMap((path) => {
        const data = files.get(path);
        return data === undefined ? [] : [{ path: basename(path), data }];
      }),
    });
  } catch (error) {
    if (!(error instanceof RangeError) && !isUnreadableModel(messageOf(error))) throw error;
    throw unusableFile(graph, manifest.id, error);
  }
}
